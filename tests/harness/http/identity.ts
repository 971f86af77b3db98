import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import { createAccessTokens } from '../../../services/auth/access-tokens';
import type { Identity, Tokens } from '../../../services/auth/identity';
import { createLinkTokens } from '../../../services/auth/link-tokens';
import { requestPasswordReset } from '../../../services/auth/password-change';
import { createPasswords, type Passwords } from '../../../services/auth/passwords';
import { confirmRegistration, type Registration, register } from '../../../services/auth/registration';

/** Hashes in a moment: their strength is not what is tested. */
const CHEAP = { memoryCost: 64, timeCost: 1, parallelism: 1 };

/** An identity with a clock of its own that a test can move, and a count of the hashes computed. */
export class TestIdentity implements Identity {
  nowMs = Date.UTC(2026, 10, 21);
  hashes = 0;
  readonly accessTokens = createAccessTokens({
    keys: [Buffer.alloc(32, 3)],
    issuer: 'test-shop',
    now: () => this.nowMs,
  });
  readonly linkTokens = createLinkTokens(Buffer.alloc(32, 4));
  readonly passwords: Passwords;

  constructor(
    readonly store: Store,
    parameters = CHEAP,
  ) {
    const real = createPasswords({ parameters, maxWaiting: 1_000 });
    this.passwords = {
      hash: (password) => this.counted(() => real.hash(password)),
      verify: (hash, password) => this.counted(() => real.verify(hash, password)),
    };
  }

  now = (): number => this.nowMs;

  /** The token of the mail that would be sent for the newest event of that kind. */
  async newestToken(type: 'RegistrationRequested' | 'PasswordResetRequested'): Promise<string> {
    const [row] = await select<{ subject: string }>(
      this.store.db,
      'SELECT subject FROM events WHERE type = :type ORDER BY id DESC LIMIT 1',
      { type },
    );
    const purpose = type === 'RegistrationRequested' ? 'registration' : 'password_reset';
    return this.linkTokens.issue(row?.subject ?? '', purpose);
  }

  /** Somebody with an account, logged in. */
  async customer(email = 'ada@example.com', password = 'analytical engine'): Promise<TestCustomer> {
    await registered(this, { email, password, name: 'Ada Byron' });
    const tokens = await confirmRegistration(this, await this.newestToken('RegistrationRequested'), password);
    const claims = await this.accessTokens.verify(tokens.accessToken);
    if (claims === null) throw new Error('a fresh token is not valid');
    return { ...tokens, ...claims, email, password };
  }

  /** Types of the events of a stream, oldest first. */
  async story(stream: string): Promise<string[]> {
    const rows = await select<{ type: string }>(
      this.store.db,
      'SELECT type FROM events WHERE stream = :stream ORDER BY seq',
      { stream },
    );
    return rows.map((row) => row.type);
  }

  private counted<T>(work: () => Promise<T>): Promise<T> {
    this.hashes += 1;
    return work();
  }
}

/** Registers, and waits until that is written. */
export const registered = async (identity: Identity, registration: Registration): Promise<void> =>
  (await register(identity, registration))();

/** Asks for a new password, and waits until that is written. */
export const resetRequested = async (identity: Identity, email: string): Promise<void> =>
  (await requestPasswordReset(identity, email))();

export interface TestCustomer extends Tokens {
  customerId: string;
  sessionId: string;
  email: string;
  password: string;
}
