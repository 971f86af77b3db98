import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');

const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '' && existsSync(join(ROOT, page)));

const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const withoutCodeBlocks = (text: string): string => text.replace(/^\s*```[\s\S]*?^\s*```/gm, '');

/** Anchors of a page's headings, in the form that Git forges derive. */
const listAnchors = (page: string): string[] =>
  [...withoutCodeBlocks(readPage(page)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-'),
  );

const hasTarget = (page: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || listAnchors(target).includes(anchor);
};

/** Folders whose names in code spans are paths of this repository. */
const SOURCE_FOLDERS =
  'activities|api|bench|cli|config|db|deploy|dev|docs|domain|integrations|runtime|services|tests|verification|workers|workflows';
const CODE_PATH = new RegExp(`^(?:${SOURCE_FOLDERS})/[\\w./-]*$`);

/** Created by the reader. */
const LOCAL_FILES = ['deploy/.env'];

const listCodePaths = (page: string): string[] =>
  [...withoutCodeBlocks(readPage(page)).matchAll(/`([^`\n]+)`/g)].flatMap(([, span = '']) =>
    CODE_PATH.test(span) && !LOCAL_FILES.includes(span) ? [span] : [],
  );

test('finds the pages of the documentation', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'docs/README.md']));
});

test.each(pages)('links of %s resolve', (page) => {
  const links = [...withoutCodeBlocks(readPage(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, link = '']) => link,
  );
  const local = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(local.filter((link) => !hasTarget(page, link))).toEqual([]);
});

test.each(pages)('code paths of %s exist', (page) => {
  expect(listCodePaths(page).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('the index lists every page of docs/', () => {
  const index = readPage('docs/README.md');
  const unlisted = pages.filter((page) => /^docs\/[\w-]+\.md$/.test(page) && page !== 'docs/README.md');
  expect(unlisted.filter((page) => !index.includes(`(${relative('docs', page)})`))).toEqual([]);
});

test('the index of decision records lists every record with its status and date', () => {
  const index = readPage('docs/decisions/README.md');
  for (const page of pages.filter((name) => /^docs\/decisions\/\d/.test(name))) {
    const row = index.split('\n').find((line) => line.includes(`(${relative('docs/decisions', page)})`));
    const record = readPage(page);
    const [, status = ''] = /^Status: (accepted|superseded)/m.exec(record) ?? [];
    const [, date = ''] = /^Date: (\d{4}-\d{2}-\d{2})$/m.exec(record) ?? [];
    expect(row).toContain(`| ${status}`);
    expect(row).toContain(`| ${date}`);
    expect(status).not.toBe('');
    expect(date).not.toBe('');
  }
});

test('the configuration page documents every environment variable', () => {
  const source = ['config/config.ts', 'config/start.ts'].map(readPage).join('\n');
  const variables = [...source.matchAll(/^ {2}([A-Z]+(?:_[A-Z]+)*): (?:z\b|\w+Schema)/gm)].map(
    ([, name = '']) => name,
  );
  expect(variables).toContain('AUDIT_KEY');
  const page = readPage('docs/configuration.md');
  expect(variables.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
