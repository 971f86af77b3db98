import { hkdfSync } from 'node:crypto';
import type { Config } from '../../config/config';
import { connect } from '../../db/core/connect';
import { createStore } from '../../db/core/store';
import type { Role } from '../../domain/shared/access';
import { createPasswords } from '../../services/auth/passwords/passwords';
import { ensureAccount } from '../../services/auth/roles';

const PASSWORD_BYTES = 12;

/** The admin comes first: once there is an admin, the other roles can be assigned. */
export const DEVELOPMENT_ACCOUNTS: readonly { role: Role; email: string; name: string }[] = [
  { role: 'admin', email: 'admin@orders.example', name: 'Alex Admin' },
  { role: 'support', email: 'support@orders.example', name: 'Sam Support' },
  { role: 'warehouse', email: 'warehouse@orders.example', name: 'Wim Warehouse' },
  { role: 'customer', email: 'customer@orders.example', name: 'Casey Customer' },
];

/**
 * Derives the password of all development accounts: stable for a data directory, different between directories.
 * @param auditKey the secret of the data directory, hexadecimal.
 */
export function deriveDevelopmentPassword(auditKey: string): string {
  const secret = Buffer.from(auditKey, 'hex');
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'demo accounts', PASSWORD_BYTES)).toString(
    'base64url',
  );
}

/** Creates one account per role. Existing accounts keep their passwords. */
export async function createDevelopmentAccounts(
  { databaseUrl, keys }: Config,
  password: string,
): Promise<void> {
  const db = connect({ url: databaseUrl, poolSize: 2 });
  try {
    const auth = { store: createStore(db, keys.audit), passwords: createPasswords(), now: Date.now };
    for (const account of DEVELOPMENT_ACCOUNTS) await ensureAccount(auth, { ...account, password });
  } finally {
    await db.close();
  }
}
