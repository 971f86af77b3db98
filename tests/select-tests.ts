import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { projects } from '../jest.config.js';

const ROOT = resolve(__dirname, '..');
/** Separates describe blocks from the test in jest's output. */
const TITLE_SEPARATOR = ' › ';
/** Placeholders of `test.each` titles. */
const PLACEHOLDER = /%[a-z#$]|\$[\w.#]+|\$\{[^}]*\}/i;

export interface TestFile {
  /** Relative to the root. */
  path: string;
  /** The jest project (see jest.config.js) that runs it. */
  project: string;
}

export interface TestSelection {
  files: TestFile[];
  /** A regular expression for jest's `-t`; undefined: every test of the files. */
  titlePattern: string | undefined;
}

/**
 * Arguments that occur in the path of a test file select files; the others together are a test title, searched for in
 * those files, or in all files when no argument is a path.
 */
export function selectTests(args: readonly string[], files = listTestFiles()): TestSelection {
  const paths = args.filter((arg) => files.some((file) => matchesPath(file, arg)));
  const title = args.filter((arg) => !paths.includes(arg)).join(' ');
  const candidates =
    paths.length === 0 ? files : files.filter((file) => paths.some((path) => matchesPath(file, path)));
  if (title === '') return { files: candidates, titlePattern: undefined };
  return {
    files: candidates.filter(({ path }) => hasTitle(readFileSync(join(ROOT, path), 'utf8'), title)),
    titlePattern: escapeRegExp(title.replaceAll(TITLE_SEPARATOR, ' ')),
  };
}

/** Accepts an absolute path, and a source file for the test beside it. */
function matchesPath({ path }: TestFile, arg: string): boolean {
  const wanted = relative(ROOT, resolve(ROOT, arg));
  return path.includes(wanted) || path.includes(wanted.replace(/(?<!\.test)\.ts$/, '.test.ts'));
}

/** Whether the source contains the title, part by part, or a string with placeholders that the title can come from. */
export function hasTitle(source: string, title: string): boolean {
  const text = source.replaceAll(/\\(['"`])/g, '$1').toLowerCase();
  return title
    .toLowerCase()
    .split(TITLE_SEPARATOR)
    .every((part) => text.includes(part) || matchesTemplate(text, part));
}

function matchesTemplate(text: string, title: string): boolean {
  return [...text.matchAll(/'[^'\n]{8,}'|"[^"\n]{8,}"|`[^`\n]{8,}`/g)]
    .map(([literal]) => literal.slice(1, -1).split(PLACEHOLDER))
    .filter((fixed) => fixed.length > 1 && fixed.join('').trim().includes(' '))
    .some((fixed) => new RegExp(`^${fixed.map(escapeRegExp).join('.*')}$`).test(title));
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Every test file with its project, by the patterns of jest.config.js. */
export function listTestFiles(): TestFile[] {
  const paths = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$)/.test(entry.name))
    .flatMap(({ name }) =>
      readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' }).map((path) => join(name, path)),
    )
    .filter((path) => path.endsWith('.test.ts'))
    .toSorted();
  return paths.flatMap((path) => {
    const owner = projects.find(({ testMatch, testPathIgnorePatterns }) => {
      const absolute = join(ROOT, path);
      if (testPathIgnorePatterns.some((pattern) => new RegExp(expandRoot(pattern)).test(absolute)))
        return false;
      return testMatch.some((glob) => globToRegExp(expandRoot(glob)).test(absolute));
    });
    return owner === undefined ? [] : [{ path, project: owner.displayName }];
  });
}

const expandRoot = (pattern: string): string => pattern.replace('<rootDir>', ROOT);

/** Supports what jest.config.js uses: `*` within a folder, and `**` followed by a slash for any folders. */
const globToRegExp = (glob: string): RegExp =>
  new RegExp(`^${escapeRegExp(glob).replaceAll('\\*\\*/', '(?:.*/)?').replaceAll('\\*', '[^/]*')}$`);
