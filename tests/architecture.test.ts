import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');

/** Which layers a layer may import from. `messages` is workflows/messages.ts, the contract that clients of workflows share. */
const MAY_IMPORT: Record<string, string[]> = {
  domain: [],
  messages: ['domain'],
  workflows: ['domain', 'messages'],
  config: ['domain'],
  db: ['domain'],
  integrations: ['domain', 'config', 'messages'],
  services: ['domain', 'db', 'integrations', 'messages', 'api'],
  activities: ['domain', 'db', 'services', 'integrations', 'messages'],
  runtime: ['config', 'db', 'integrations', 'messages'],
  workers: ['domain', 'db', 'services', 'integrations', 'activities', 'messages', 'workflows', 'runtime'],
  verification: ['domain', 'db', 'integrations', 'messages'],
  api: ['domain', 'db', 'services', 'config', 'integrations', 'messages', 'runtime'],
  cli: [
    'api',
    'dev',
    'domain',
    'db',
    'services',
    'config',
    'integrations',
    'messages',
    'runtime',
    'verification',
  ],
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
    'workflows',
    'activities',
  ],
};

/** Layers whose types, but not code, a layer may import. */
const MAY_IMPORT_TYPES: Record<string, string[]> = { workflows: ['activities'] };

/** Packages that run inside a workflow or in pure code. */
const PACKAGES: Record<string, RegExp> = {
  domain: /^$/,
  workflows: /^@temporalio\/(workflow|common)$/,
  messages: /^@temporalio\/(workflow|common)$/,
};

interface Import {
  from: string;
  what: string;
  typeOnly: boolean;
}

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('.test.ts') && existsSync(join(ROOT, file)));

const roomOf = (file: string): string =>
  file === 'workflows/messages.ts' ? 'messages' : (file.split('/')[0] ?? '');

function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/^(import|export)\s+(type\s+)?[^;'"]*?from\s+'([^']+)'/gm)].map((match) => ({
    from: file,
    typeOnly: match[2] !== undefined,
    what: match[3]?.startsWith('.')
      ? `${relative(ROOT, resolve(ROOT, dirname(file), match[3]))}.ts`
      : (match[3] ?? ''),
  }));
}

const rooms = Object.keys(MAY_IMPORT);
const inRooms = files.filter((file) => rooms.includes(roomOf(file)));

test('the rooms of the house are where they are expected', () => {
  expect(new Set(inRooms.map(roomOf))).toEqual(new Set(rooms));
});

test('imports go one way', () => {
  const wrong = inRooms.flatMap(importsOf).filter(({ from, what, typeOnly }) => {
    const room = roomOf(from);
    const target = roomOf(what);
    if (!what.endsWith('.ts') || target === room) return false;
    if (MAY_IMPORT[room]?.includes(target)) return false;
    return !(typeOnly && MAY_IMPORT_TYPES[room]?.includes(target));
  });
  expect(wrong).toEqual([]);
});

test('no modules import each other in a circle', () => {
  const imported = new Map(inRooms.map((file) => [file, importsOf(file).map(({ what }) => what)]));
  const done = new Set<string>();
  const circleFrom = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imported.get(file) ?? []) {
      const circle = circleFrom(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  expect(inRooms.flatMap((file) => circleFrom(file, []) ?? [])).toEqual([]);
});

test('workflows and the domain use no package that is not made for workflows', () => {
  const wrong = inRooms
    .flatMap(importsOf)
    .filter(({ from, what }) => !what.endsWith('.ts') && !(PACKAGES[roomOf(from)]?.test(what) ?? true));
  expect(wrong).toEqual([]);
});

/** The cache of formatters holds nothing that an order could see: the same currency gives the same formatter. */
const KEPT_BETWEEN_WORKFLOWS = [
  'domain/shared/money.ts: const formatters = new Map<string, Intl.NumberFormat>();',
];

test('no module that workflows share keeps anything from one to the next', () => {
  const changeable = /^(?:export )?(?:let |var |const .*= (?:new (?!Set\(\[|RegExp\()|\[\]|\{\})).*/gm;
  const kept = inRooms
    .filter((file) => ['domain', 'workflows', 'messages'].includes(roomOf(file)))
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(changeable)].map(([line]) => `${file}: ${line}`),
    );
  expect(kept).toEqual(KEPT_BETWEEN_WORKFLOWS);
});

test('only config reads the environment of the system', () => {
  const readers = inRooms.filter(
    (file) => roomOf(file) !== 'config' && /process\.env/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  expect(readers).toEqual([]);
});

test('only one file knows the SQLite package', () => {
  const knowing = files.filter((file) => importsOf(file).some(({ what }) => what === 'sqlite3'));
  expect(knowing).toEqual(['db/core/sqlite-driver.ts']);
});
