import { ulid } from 'ulid';
import { parseConfig } from '../../../config/config';
import { connect } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import type { Role } from '../../../domain/shared/access';
import { readerStream } from '../../../domain/shared/ids';
import { logIn } from '../../../services/auth/login';
import { createPasswords } from '../../../services/auth/passwords/passwords';
import { ensureAccount } from '../../../services/auth/roles';
import { createAccessTokens } from '../../../services/auth/tokens/access-tokens';
import { createLinkTokens } from '../../../services/auth/tokens/link-tokens';

/** @returns the access token of a new staff account, and the subjects of its recorded reads. */
export async function createStaffToken(
  env: Record<string, string>,
  role: Role,
): Promise<{ token: string; reads(): Promise<string[]> }> {
  const { databaseUrl, keys, auth } = parseConfig(env);
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const db = connect({ url: databaseUrl, poolSize: 2 });
    try {
      return await work(createStore(db, keys.audit));
    } finally {
      await db.close();
    }
  };
  const { token, customerId } = await withStore(async (store) => {
    const accessTokens = createAccessTokens(auth);
    const identity = { ...{ store, accessTokens }, passwords: createPasswords(), now: Date.now };
    const email = `${role}.${ulid().toLowerCase()}@orders.example`;
    const password = `the password of ${ulid()}`;
    await ensureAccount(identity, { email, password, name: null, role });
    const linkTokens = createLinkTokens(keys.oneTimeTokens);
    const { accessToken } = await logIn({ ...identity, linkTokens }, email, password);
    return { token: accessToken, customerId: (await store.accounts.findByEmail(email))?.customerId ?? '' };
  });
  return {
    token,
    reads: () =>
      withStore(async ({ db }) => {
        const rows = await select<{ subject: string }>(
          db,
          'SELECT subject FROM events WHERE stream = :stream ORDER BY seq',
          { stream: readerStream(customerId) },
        );
        return rows.map((row) => row.subject);
      }),
  };
}
