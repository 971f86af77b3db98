import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import type { AuthDependencies, Tokens } from '../../../services/auth/auth-dependencies';
import { requestPasswordReset } from '../../../services/auth/passwords/password-change';
import { createPasswords, type Passwords } from '../../../services/auth/passwords/passwords';
import { confirmRegistration, type RegistrationRequest, register } from '../../../services/auth/registration';
import { createAccessTokens } from '../../../services/auth/tokens/access-tokens';
import { createLinkTokens } from '../../../services/auth/tokens/link-tokens';

/** Weak and fast: the strength of the hashes is not tested. */
const FAST_HASH_PARAMETERS = { memoryCost: 64, timeCost: 1, parallelism: 1 };

/** Auth dependencies with a settable clock and a count of the computed hashes. */
export class TestIdentity implements AuthDependencies {
  nowMs = Date.UTC(2026, 10, 21);
  hashCount = 0;
  readonly accessTokens = createAccessTokens({
    keys: [Buffer.alloc(32, 3)],
    issuer: 'test-shop',
    now: () => this.nowMs,
  });
  readonly linkTokens = createLinkTokens(Buffer.alloc(32, 4));
  readonly passwords: Passwords;

  constructor(
    readonly store: Store,
    parameters = FAST_HASH_PARAMETERS,
  ) {
    const passwords = createPasswords({ parameters, maxQueued: 1_000 });
    this.passwords = {
      hash: (password) => this.countHash(() => passwords.hash(password)),
      verify: (hash, password) => this.countHash(() => passwords.verify(hash, password)),
    };
  }

  now = (): number => this.nowMs;

  /** The link token of the mail for the latest event of the type. */
  async getLatestToken(type: 'RegistrationRequested' | 'PasswordResetRequested'): Promise<string> {
    const [row] = await select<{ subject: string }>(
      this.store.db,
      'SELECT subject FROM events WHERE type = :type ORDER BY id DESC LIMIT 1',
      { type },
    );
    const purpose = type === 'RegistrationRequested' ? 'registration' : 'password_reset';
    return this.linkTokens.issue(row?.subject ?? '', purpose);
  }

  /** A customer with an account and a session. */
  async createCustomer(email = 'ada@example.com', password = 'analytical engine'): Promise<TestCustomer> {
    await registerAndWait(this, { email, password, name: 'Ada Byron' });
    const tokens = await confirmRegistration(
      this,
      await this.getLatestToken('RegistrationRequested'),
      password,
    );
    const claims = await this.accessTokens.verify(tokens.accessToken);
    if (claims === null) throw new Error('a fresh token is not valid');
    return { ...tokens, ...claims, email, password };
  }

  /** Types of the events of a stream, oldest first. */
  async listEventTypes(stream: string): Promise<string[]> {
    const rows = await select<{ type: string }>(
      this.store.db,
      'SELECT type FROM events WHERE stream = :stream ORDER BY seq',
      { stream },
    );
    return rows.map((row) => row.type);
  }

  private countHash<T>(work: () => Promise<T>): Promise<T> {
    this.hashCount += 1;
    return work();
  }
}

/** Registers and waits for the deferred writes. */
export const registerAndWait = async (
  auth: AuthDependencies,
  registration: RegistrationRequest,
): Promise<void> => (await register(auth, registration))();

/** Requests a password reset and waits for the deferred writes. */
export const requestPasswordResetAndWait = async (auth: AuthDependencies, email: string): Promise<void> =>
  (await requestPasswordReset(auth, email))();

export interface TestCustomer extends Tokens {
  customerId: string;
  sessionId: string;
  email: string;
  password: string;
}
