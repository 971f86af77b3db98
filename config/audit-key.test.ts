import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadOrCreateAuditKey } from './audit-key';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'audit-key-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('creates the key once, readable only by its owner, and returns it afterwards', () => {
  const key = loadOrCreateAuditKey(dir);
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(loadOrCreateAuditKey(dir)).toBe(key);
  expect(statSync(join(dir, 'keys.json')).mode & 0o777).toBe(0o600);
});

test.each(['', '{"AUDIT_KEY": "ab', 'null', '{"AUDIT_KEY": "short"}'])(
  'rejects a damaged key file without replacing it: %s',
  (content) => {
    const file = join(dir, 'keys.json');
    writeFileSync(file, content);
    expect(() => loadOrCreateAuditKey(dir)).toThrow(`${file} contains no valid AUDIT_KEY`);
    expect(readFileSync(file, 'utf8')).toBe(content);
  },
);
