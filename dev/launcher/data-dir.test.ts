import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertWritable, lockDataDir } from './data-dir';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'data-dir-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('creates a missing data directory', () => {
  const missing = join(dir, 'a', 'b');
  assertWritable(missing);
  expect(statSync(missing).isDirectory()).toBe(true);
});

test('names a data directory that cannot be created or written to', () => {
  writeFileSync(join(dir, 'file'), '');
  for (const unusable of [join(dir, 'file', 'data'), join(dir, 'file')]) {
    expect(() => assertWritable(unusable)).toThrow(`The data directory ${unusable} is not writable (E`);
  }
});

test('locks the data directory for one run at a time', async () => {
  const first = await lockDataDir(dir);
  await expect(lockDataDir(dir, 0)).rejects.toThrow(`Another run is using the data directory ${dir}`);
  first.unlock();
  (await lockDataDir(dir, 5_000)).unlock();
});
