import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY_BYTES = 32;

/**
 * Returns the key of the event log (AUDIT_KEY, hexadecimal) and creates it at the first start. The log cannot be
 * verified without it, so a damaged file is never replaced.
 * @throws Error of one sentence when the file holds no key.
 */
export function loadOrCreateAuditKey(dataDir: string): string {
  const file = join(dataDir, 'keys.json');
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    const keys = { AUDIT_KEY: randomBytes(KEY_BYTES).toString('hex') };
    writeFileSync(draft, `${JSON.stringify(keys, undefined, 2)}\n`, { mode: 0o600, flush: true });
    // Renamed atomically: a kill cannot leave half a key.
    renameSync(draft, file);
  }
  return readKey(file);
}

function readKey(file: string): string {
  let key: unknown;
  try {
    key = (JSON.parse(readFileSync(file, 'utf8')) as { AUDIT_KEY?: unknown } | null)?.AUDIT_KEY;
  } catch {
    // Reported below.
  }
  if (typeof key === 'string' && /^[0-9a-f]{64,}$/i.test(key)) return key;
  throw new Error(
    `${file} contains no valid AUDIT_KEY: restore the file from a copy, or set AUDIT_KEY (at least 64 hexadecimal digits).`,
  );
}
