import { ulid } from 'ulid';
import type { Tokens } from '../../../api/auth/schemas';
import type { CustomerSummary, Me } from '../../../api/customers/schemas';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';
import type { HttpRequest, HttpResponse } from '../../harness/http/http-client';
import { extractToken, toBearerHeader, UNAUTHENTICATED } from '../../system/customers/sign-up';
import { STAFF_PASSWORD } from './fault-point-switch';
import type { FaultPointTestEnv } from './fault-point-test-env';

const FIRST_PASSWORD = 'analytical engine';
/** A kill can delay a mail; a mail that the mail server rejected permanently never arrives. */
const MAIL_TIMEOUT_MS = 20_000;
const MAX_MAIL_REQUESTS = 6;

/** A customer with an account. Requests interrupted by a kill are repeated, or followed by a new login. */
export class GuestScenario {
  readonly email = `customer-${ulid().toLowerCase()}@mail.example`;
  private password = FIRST_PASSWORD;
  private tokens: Tokens | undefined;

  constructor(private readonly env: FaultPointTestEnv) {}

  async signUp(): Promise<void> {
    const { email, password } = this;
    const mail = await this.requestMail('Confirm your email address', () =>
      this.post('register', { email, password, name: 'Ada Byron' }, [202]),
    );
    const token = extractToken(mail);
    // A lost response may have created the account.
    const { status, body } = await this.post<Tokens>('confirm', { token, password }, [200, 409, 410]);
    if (status === 200) this.tokens = body;
    else await this.logIn();
  }

  /** Registers an email address that already has an account. */
  async signUpAgain(): Promise<void> {
    const { email, password } = this;
    await this.requestMail('You already have an account', () =>
      this.post('register', { email, password }, [202]),
    );
  }

  async logIn(): Promise<void> {
    const { email, password } = this;
    this.tokens = (await this.post<Tokens>('login', { email, password }, [200])).body;
  }

  async refresh(): Promise<void> {
    const refreshToken = this.tokens?.refreshToken ?? '';
    const { status, body } = await this.post<Tokens>('refresh', { refreshToken }, [200, 401]);
    if (status === 200) this.tokens = body;
    else await this.logIn();
  }

  async logOut(): Promise<void> {
    await this.post('logout', { refreshToken: this.tokens?.refreshToken }, [204]);
    await this.logIn();
    await this.sendAuthenticated('/api/auth/logout', { body: { everywhere: true } }, [204, 401]);
    await this.logIn();
  }

  async changePassword(): Promise<void> {
    const newPassword = `changed by ${ulid()}`;
    const body = { currentPassword: this.password, newPassword };
    // 401: the password was changed, but the response was lost.
    await this.sendAuthenticated('/api/auth/password', { body }, [204, 401]);
    this.password = newPassword;
    await this.logIn();
  }

  async resetPassword(): Promise<void> {
    const password = `reset by ${ulid()}`;
    const { email } = this;
    const mail = await this.requestMail('Set a new password', () =>
      this.post('password-reset', { email }, [202]),
    );
    const token = extractToken(mail);
    await this.post('password-reset/confirm', { token, password }, [204, 410]);
    this.password = password;
    await this.logIn();
  }

  async addAddress(): Promise<void> {
    const address = {
      name: 'Ada Byron',
      line1: '1 Main St',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    };
    await this.sendAuthenticated('/api/me/addresses', { body: address }, [201]);
  }

  /** Erases the account; a later login is rejected. */
  async eraseAccount(): Promise<void> {
    const { email, password } = this;
    await this.sendAuthenticated('/api/me/erasure', { body: { password } }, [204, 401]);
    await this.post('login', { email, password }, [401]);
  }

  async getId(): Promise<string> {
    return (await this.sendAuthenticated<Me>('/api/me', {}, [200])).body.id;
  }

  sendAuthenticated<T>(path: string, request: HttpRequest, statuses: number[]): Promise<HttpResponse<T>> {
    const headers = toBearerHeader(this.tokens?.accessToken ?? '');
    return this.env.retryUntilStatus(statuses, () =>
      this.env.system.request<T>(path, { ...request, headers }),
    );
  }

  /** Creates an admin account through a restart of the system, and logs in. */
  static async createAdmin(testEnv: FaultPointTestEnv): Promise<GuestScenario> {
    const admin = new GuestScenario(testEnv);
    admin.password = STAFF_PASSWORD;
    testEnv.points.addStaff(admin.email);
    await testEnv.restart();
    await testEnv.eventually(`the account of ${admin.email}`, async () => {
      const body = { email: admin.email, password: STAFF_PASSWORD };
      const { status } = await testEnv.system.request('/api/auth/login', { body, headers: UNAUTHENTICATED });
      return status === 200;
    });
    await admin.logIn();
    return admin;
  }

  /** Changes the role of a customer and erases them; creates and revokes an API key. */
  async manageCustomer(email: string): Promise<void> {
    const customers = await this.sendAuthenticated<{ data: CustomerSummary[] }>(
      `/api/customers?email=${email}`,
      {},
      [200],
    );
    const { id } = customers.body.data[0] ?? { id: '' };
    await this.sendAuthenticated(
      `/api/customers/${id}/role`,
      { method: 'PUT', body: { role: 'warehouse' } },
      [204],
    );
    await this.sendAuthenticated(`/api/customers/${id}/erasure`, { method: 'POST' }, [204]);
    const key = { name: 'scanner', scopes: ['orders:read'] };
    const created = await this.sendAuthenticated<{ id: string }>('/api/api-keys', { body: key }, [201]);
    await this.sendAuthenticated(`/api/api-keys/${created.body.id}`, { method: 'DELETE' }, [204]);
  }

  /** Waits for a new mail; repeats the request when it does not arrive. */
  private async requestMail(subject: string, send: () => Promise<unknown>): Promise<CaughtMessage> {
    const mails = () =>
      this.env.system.mails.listTo(this.email).filter((mail) => mail.subject.includes(subject));
    const before = mails().length;
    for (let attempt = 1; ; attempt += 1) {
      await send();
      const deadlineMs = performance.now() + MAIL_TIMEOUT_MS;
      const outcome = await this.env.eventually(`the mail "${subject}" to ${this.email}`, async () => {
        const [newest, ...others] = mails();
        if (newest !== undefined && others.length >= before) return newest;
        return performance.now() > deadlineMs && 'late';
      });
      if (outcome !== 'late') return outcome;
      if (attempt === MAX_MAIL_REQUESTS) throw new Error(`no mail "${subject}" after ${attempt} requests`);
    }
  }

  private post<T>(path: string, body: unknown, statuses: number[]): Promise<HttpResponse<T>> {
    return this.env.retryUntilStatus(statuses, () =>
      this.env.system.request<T>(`/api/auth/${path}`, { body, headers: UNAUTHENTICATED }),
    );
  }
}
