import { ulid } from 'ulid';
import { parseConfig } from '../../../config/config';
import { connect } from '../../../db/core/connect';
import { createStore } from '../../../db/core/store';
import { SCOPES, type Scope } from '../../../domain/shared/access';
import { createApiKey } from '../../../services/auth/api-keys';

/**
 * @param env environment of the system under test.
 * @param databaseUrl its migrated database, which stores the new API key.
 * @param scopes all scopes of a machine by default.
 * @returns the token of the new key.
 */
export async function createMachineToken(
  env: Record<string, string>,
  databaseUrl: string,
  scopes: readonly Scope[] = SCOPES,
): Promise<string> {
  const { keys } = parseConfig(env);
  const db = connect({ url: databaseUrl, poolSize: 2 });
  try {
    const key = {
      name: 'test',
      scopes: [...scopes],
      expiresAtMs: null,
      createdBy: { kind: 'system' as const },
    };
    const { token } = await createApiKey(createStore(db, keys.audit), ulid(), key, Date.now());
    return token;
  } finally {
    await db.close();
  }
}
