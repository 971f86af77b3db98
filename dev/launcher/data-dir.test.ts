import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertWritable, loadOrCreateAuditKey, lockDataDir } from './data-dir';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'data-dir-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('a data directory that is missing is made', () => {
  const missing = join(dir, 'a', 'b');
  assertWritable(missing);
  expect(statSync(missing).isDirectory()).toBe(true);
});

test('a data directory that cannot be made or written to is named', () => {
  writeFileSync(join(dir, 'file'), '');
  for (const unusable of [join(dir, 'file', 'data'), join(dir, 'file')]) {
    expect(() => assertWritable(unusable)).toThrow(`The data directory ${unusable} cannot be written to (E`);
  }
});

test('the key is made once, for its owner alone, and stays', () => {
  const key = loadOrCreateAuditKey(dir);
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(loadOrCreateAuditKey(dir)).toBe(key);
  expect(statSync(join(dir, 'keys.json')).mode & 0o777).toBe(0o600);
});

test.each(['', '{"AUDIT_KEY": "ab', 'null', '{"AUDIT_KEY": "short"}'])(
  'a damaged key file is reported and not replaced: %s',
  (content) => {
    const file = join(dir, 'keys.json');
    writeFileSync(file, content);
    expect(() => loadOrCreateAuditKey(dir)).toThrow(`${file} holds no usable AUDIT_KEY`);
    expect(readFileSync(file, 'utf8')).toBe(content);
  },
);

test('one run at a time has the data directory', async () => {
  const first = await lockDataDir(dir);
  await expect(lockDataDir(dir, 0)).rejects.toThrow(`Another run is using the data directory ${dir}`);
  first.unlock();
  (await lockDataDir(dir, 5_000)).unlock();
});
