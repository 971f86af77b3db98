import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');

/** The layers that each layer may import. `messages`: the contracts that clients of workflows import. */
const ALLOWED_IMPORTS: Record<string, string[]> = {
  domain: [],
  messages: ['domain'],
  workflows: ['domain', 'messages'],
  config: ['domain'],
  db: ['domain'],
  integrations: ['domain', 'config', 'messages'],
  services: ['domain', 'db', 'integrations', 'messages'],
  activities: ['domain', 'db', 'services', 'integrations', 'messages'],
  runtime: ['config', 'db', 'integrations', 'messages'],
  workers: ['domain', 'db', 'services', 'integrations', 'activities', 'messages', 'workflows', 'runtime'],
  verification: ['domain', 'db', 'integrations', 'messages'],
  api: ['domain', 'db', 'services', 'config', 'integrations', 'messages', 'runtime'],
  cli: ['domain', 'db', 'services', 'config', 'integrations', 'messages', 'runtime', 'verification'],
  system: ['domain', 'db', 'services', 'messages', 'runtime', 'workers', 'api'],
  dev: [
    'domain',
    'db',
    'services',
    'config',
    'integrations',
    'messages',
    'runtime',
    'workers',
    'api',
    'system',
    'workflows',
    'activities',
  ],
};

/** The layers of which a layer may import types only. */
const ALLOWED_TYPE_IMPORTS: Record<string, string[]> = { workflows: ['activities'] };

/** Packages allowed in workflows and in pure code. */
const ALLOWED_PACKAGES: Record<string, RegExp> = {
  domain: /^$/,
  workflows: /^@temporalio\/(workflow|common)$/,
  messages: /^@temporalio\/(workflow|common)$/,
};

interface Import {
  from: string;
  target: string;
  typeOnly: boolean;
}

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('.test.ts') && existsSync(join(ROOT, file)));

const MESSAGE_FILES = /^workflows\/(\w+\/messages|shared\/(task-queues|search-attributes))\.ts$/;

const getLayer = (file: string): string =>
  MESSAGE_FILES.test(file) ? 'messages' : (file.split('/')[0] ?? '');

function listImports(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/^(import|export)\s+(type\s+)?[^;'"]*?from\s+'([^']+)'/gm)].map((match) => ({
    from: file,
    typeOnly: match[2] !== undefined,
    target: match[3]?.startsWith('.')
      ? `${relative(ROOT, resolve(ROOT, dirname(file), match[3]))}.ts`
      : (match[3] ?? ''),
  }));
}

const layers = Object.keys(ALLOWED_IMPORTS);
const layerFiles = files.filter((file) => layers.includes(getLayer(file)));

test('every layer has files', () => {
  expect(new Set(layerFiles.map(getLayer))).toEqual(new Set(layers));
});

test('imports follow the allowed directions between layers', () => {
  const violations = layerFiles.flatMap(listImports).filter(({ from, target, typeOnly }) => {
    const layer = getLayer(from);
    const imported = getLayer(target);
    if (!target.endsWith('.ts') || imported === layer) return false;
    if (ALLOWED_IMPORTS[layer]?.includes(imported)) return false;
    return !(typeOnly && ALLOWED_TYPE_IMPORTS[layer]?.includes(imported));
  });
  expect(violations).toEqual([]);
});

test('modules have no circular imports', () => {
  const imported = new Map(layerFiles.map((file) => [file, listImports(file).map(({ target }) => target)]));
  const visited = new Set<string>();
  const findCycle = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (visited.has(file)) return undefined;
    for (const next of imported.get(file) ?? []) {
      const cycle = findCycle(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    visited.add(file);
    return undefined;
  };
  expect(layerFiles.flatMap((file) => findCycle(file, []) ?? [])).toEqual([]);
});

test('folders have at most 15 files besides tests', () => {
  const counts = new Map<string, number>();
  for (const file of files) {
    if (![...layers, 'bench'].includes(file.split('/')[0] ?? '')) continue;
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  expect([...counts].filter(([, count]) => count > 15)).toEqual([]);
});

test('workflows and the domain import only packages allowed in workflows', () => {
  const violations = layerFiles
    .flatMap(listImports)
    .filter(
      ({ from, target }) =>
        !target.endsWith('.ts') && !(ALLOWED_PACKAGES[getLayer(from)]?.test(target) ?? true),
    );
  expect(violations).toEqual([]);
});

/** A cache of pure values: the same currency always returns the same formatter. */
const SHARED_WORKFLOW_STATE = [
  'domain/shared/money.ts: const formatters = new Map<string, Intl.NumberFormat>();',
];

test('modules used by workflows have no mutable state', () => {
  const mutableDeclaration =
    /^(?:export )?(?:let |var |const .*= (?:new (?!Set\(\[|RegExp\()|\[\]|\{\})).*/gm;
  const declarations = layerFiles
    .filter((file) => ['domain', 'workflows', 'messages'].includes(getLayer(file)))
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(mutableDeclaration)].map(
        ([line]) => `${file}: ${line}`,
      ),
    );
  expect(declarations).toEqual(SHARED_WORKFLOW_STATE);
});

test('only config reads environment variables', () => {
  const readers = layerFiles.filter(
    (file) => getLayer(file) !== 'config' && /process\.env/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  expect(readers).toEqual([]);
});

test('only the SQLite driver imports the SQLite package', () => {
  const importers = files.filter((file) =>
    listImports(file).some(({ target }) => target === '@photostructure/sqlite'),
  );
  expect(importers).toEqual(['db/core/sqlite-driver.ts']);
});

test('only db uses Sequelize and its models', () => {
  const users = layerFiles.filter(
    (file) =>
      getLayer(file) !== 'db' &&
      (listImports(file).some(({ target }) =>
        /^sequelize$|^db\/core\/(table|models)\.ts$|^db\/\w+\/models\.ts$/.test(target),
      ) ||
        /\bdb\.models\b/.test(readFileSync(join(ROOT, file), 'utf8'))),
  );
  expect(users).toEqual([]);
});
