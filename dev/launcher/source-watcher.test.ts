import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SourceWatcher, watchSources } from './source-watcher';

let root: string;
let watcher: SourceWatcher;

const write = (path: string): void => writeFileSync(join(root, path), `// ${Math.random()}`);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sources-'));
  mkdirSync(join(root, 'api/http'), { recursive: true });
  mkdirSync(join(root, 'workflows'));
  write('api/http/app.ts');
  watcher = watchSources(root, ['api', 'workflows']);
});
afterEach(() => {
  watcher.close();
  rmSync(root, { recursive: true, force: true });
});

test('reports changed, created and atomically replaced source files together', async () => {
  const changes = watcher.nextChanges();
  write('api/http/app.ts');
  write('workflows/order.ts');
  write('api/http/.app.ts.swp');
  write('api/new');
  renameSync(join(root, 'api/new'), join(root, 'api/main.ts'));
  expect(await changes).toEqual(['api/http/app.ts', 'api/main.ts', 'workflows/order.ts']);
});

test('reports changes made before they are waited for', async () => {
  const first = watcher.nextChanges();
  write('api/http/app.ts');
  await first;
  write('workflows/order.ts');
  expect(await watcher.nextChanges()).toEqual(['workflows/order.ts']);
});

test('ignores tests and files that are no source', async () => {
  const changes = watcher.nextChanges();
  for (const name of ['app.test.ts', 'notes.md', 'app.ts~']) write(`api/http/${name}`);
  write('workflows/order.ts');
  expect(await changes).toEqual(['workflows/order.ts']);
});

test('watches directories that are created later, also again after they were removed', async () => {
  for (const file of ['cart.ts', 'items.ts']) {
    const changes = watcher.nextChanges();
    mkdirSync(join(root, 'api/carts'));
    write(`api/carts/${file}`);
    expect(await changes).toEqual([`api/carts/${file}`]);
    const removed = watcher.nextChanges();
    rmSync(join(root, 'api/carts'), { recursive: true });
    expect(await removed).toEqual([`api/carts/${file}`]);
  }
});
