import { hkdfSync } from 'node:crypto';
import type { Config } from '../../config/config';
import { connect } from '../../db/core/connect';
import { createStore } from '../../db/core/store';
import type { Role } from '../../domain/shared/access';
import { createPasswords } from '../../services/auth/passwords';
import { ensureAccount } from '../../services/auth/roles';

const PASSWORD_BYTES = 12;

/** The admin first: while there is one the others can be given any role. */
export const DEMO_ACCOUNTS: readonly { role: Role; email: string; name: string }[] = [
  { role: 'admin', email: 'admin@orders.example', name: 'Alex Admin' },
  { role: 'support', email: 'support@orders.example', name: 'Sam Support' },
  { role: 'warehouse', email: 'warehouse@orders.example', name: 'Wim Warehouse' },
  { role: 'customer', email: 'customer@orders.example', name: 'Casey Customer' },
];

/**
 * Of all demo accounts: the same at each start, another one in each data directory.
 * @param auditKey the secret of the data directory, hexadecimal.
 */
export function deriveDemoPassword(auditKey: string): string {
  const secret = Buffer.from(auditKey, 'hex');
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'demo accounts', PASSWORD_BYTES)).toString(
    'base64url',
  );
}

/** One account for each role, to try the demo with. Those that exist keep their passwords. */
export async function createDemoAccounts({ databaseUrl, keys }: Config, password: string): Promise<void> {
  const db = connect({ url: databaseUrl, poolSize: 2 });
  try {
    const identity = { store: createStore(db, keys.audit), passwords: createPasswords(), now: Date.now };
    for (const account of DEMO_ACCOUNTS) await ensureAccount(identity, { ...account, password });
  } finally {
    await db.close();
  }
}
