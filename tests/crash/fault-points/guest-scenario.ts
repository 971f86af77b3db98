import { ulid } from 'ulid';
import type { Tokens } from '../../../api/auth/schemas';
import type { CustomerSummary, Me } from '../../../api/customers/schemas';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';
import type { HttpRequest, HttpResponse } from '../../harness/http/http-client';
import { extractToken, toBearerHeader, UNAUTHENTICATED } from '../../system/customers/sign-up';
import { STAFF_PASSWORD } from './fault-point-switch';
import type { FaultPointTestEnv } from './fault-point-test-env';

const FIRST_PASSWORD = 'analytical engine';
/** A mail that a kill has hit comes later; one that the mail server has refused for good does not come at all. */
const MAIL_TIMEOUT_MS = 20_000;
const MAX_MAIL_REQUESTS = 6;

/** Has an account, and does not give up: whatever a kill leaves open is asked for again, or logged in for again. */
export class GuestScenario {
  readonly email = `visitor-${ulid().toLowerCase()}@mail.example`;
  private password = FIRST_PASSWORD;
  private tokens: Tokens | undefined;

  constructor(private readonly env: FaultPointTestEnv) {}

  async signUp(): Promise<void> {
    const { email, password } = this;
    const mail = await this.requestMail('Confirm your address', () =>
      this.post('register', { email, password, name: 'Ada Byron' }, [202]),
    );
    const token = extractToken(mail);
    // An answer that was lost has made the account all the same.
    const { status, body } = await this.post<Tokens>('confirm', { token, password }, [200, 409, 410]);
    if (status === 200) this.tokens = body;
    else await this.logIn();
  }

  /** As somebody does who has forgotten that they have an account. */
  async signUpAgain(): Promise<void> {
    const { email, password } = this;
    await this.requestMail('You have an account', () => this.post('register', { email, password }, [202]));
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

  /** With the old one at hand. */
  async changePassword(): Promise<void> {
    const newPassword = `changed by ${ulid()}`;
    const body = { currentPassword: this.password, newPassword };
    // 401: it is changed already, and the answer was lost.
    await this.sendAuthenticated('/api/auth/password', { body }, [204, 401]);
    this.password = newPassword;
    await this.logIn();
  }

  /** With a mail. */
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

  /** Nobody can log in after that. */
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

  /** Somebody who runs the shop: their account is made when the system starts the next time. */
  static async createAdmin(shop: FaultPointTestEnv): Promise<GuestScenario> {
    const admin = new GuestScenario(shop);
    admin.password = STAFF_PASSWORD;
    shop.points.addStaff(admin.email);
    await shop.restart();
    await shop.eventually(`the account of ${admin.email}`, async () => {
      const body = { email: admin.email, password: STAFF_PASSWORD };
      const { status } = await shop.system.request('/api/auth/login', { body, headers: UNAUTHENTICATED });
      return status === 200;
    });
    await admin.logIn();
    return admin;
  }

  /** Does for a customer what staff do, and for a machine. */
  async manageCustomer(email: string): Promise<void> {
    const found = await this.sendAuthenticated<{ data: CustomerSummary[] }>(
      `/api/customers?email=${email}`,
      {},
      [200],
    );
    const { id } = found.body.data[0] ?? { id: '' };
    await this.sendAuthenticated(
      `/api/customers/${id}/role`,
      { method: 'PUT', body: { role: 'warehouse' } },
      [204],
    );
    await this.sendAuthenticated(`/api/customers/${id}/erasure`, { method: 'POST' }, [204]);
    const key = { name: 'scanner', scopes: ['orders:read'] };
    const made = await this.sendAuthenticated<{ id: string }>('/api/api-keys', { body: key }, [201]);
    await this.sendAuthenticated(`/api/api-keys/${made.body.id}`, { method: 'DELETE' }, [204]);
  }

  /** A new mail, asked for again where it does not come. */
  private async requestMail(subject: string, ask: () => Promise<unknown>): Promise<CaughtMessage> {
    const mails = () =>
      this.env.system.mails.listTo(this.email).filter((mail) => mail.subject.includes(subject));
    const before = mails().length;
    for (let asks = 1; ; asks += 1) {
      await ask();
      const untilMs = performance.now() + MAIL_TIMEOUT_MS;
      const outcome = await this.env.eventually(`the mail "${subject}" to ${this.email}`, async () => {
        const [newest, ...others] = mails();
        if (newest !== undefined && others.length >= before) return newest;
        return performance.now() > untilMs && 'late';
      });
      if (outcome !== 'late') return outcome;
      if (asks === MAX_MAIL_REQUESTS) throw new Error(`no mail "${subject}" after ${asks} requests`);
    }
  }

  private post<T>(path: string, body: unknown, statuses: number[]): Promise<HttpResponse<T>> {
    return this.env.retryUntilStatus(statuses, () =>
      this.env.system.request<T>(`/api/auth/${path}`, { body, headers: UNAUTHENTICATED }),
    );
  }
}
