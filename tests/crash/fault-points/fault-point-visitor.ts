import { ulid } from 'ulid';
import type { Tokens } from '../../../api/auth/schemas';
import type { CustomerSummary, Me } from '../../../api/customers/schemas';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';
import type { Answer, HttpRequest } from '../../harness/http/http';
import { bearer, NOBODY, tokenIn } from '../../system/customers/people';
import type { FaultPointShop } from './fault-point-shop';
import { STAFF_PASSWORD } from './fault-point-switch';

const FIRST_PASSWORD = 'analytical engine';
/** A mail that a kill has hit comes later; one that the mail server has refused for good does not come at all. */
const MAIL_PATIENCE_MS = 20_000;
const MAX_ASKS = 6;

/** Has an account, and does not give up: whatever a kill leaves open is asked for again, or logged in for again. */
export class Visitor {
  readonly email = `visitor-${ulid().toLowerCase()}@mail.example`;
  private password = FIRST_PASSWORD;
  private tokens: Tokens | undefined;

  constructor(private readonly shop: FaultPointShop) {}

  async signUp(): Promise<void> {
    const { email, password } = this;
    const mail = await this.mailed('Confirm your address', () =>
      this.post('register', { email, password, name: 'Ada Byron' }, [202]),
    );
    const token = tokenIn(mail);
    // An answer that was lost has made the account all the same.
    const { status, body } = await this.post<Tokens>('confirm', { token, password }, [200, 409, 410]);
    if (status === 200) this.tokens = body;
    else await this.logIn();
  }

  /** As somebody does who has forgotten that they have an account. */
  async signUpAgain(): Promise<void> {
    const { email, password } = this;
    await this.mailed('You have an account', () => this.post('register', { email, password }, [202]));
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
    await this.asMe('/api/auth/logout', { body: { everywhere: true } }, [204, 401]);
    await this.logIn();
  }

  /** With the old one at hand. */
  async changePassword(): Promise<void> {
    const newPassword = `changed by ${ulid()}`;
    const body = { currentPassword: this.password, newPassword };
    // 401: it is changed already, and the answer was lost.
    await this.asMe('/api/auth/password', { body }, [204, 401]);
    this.password = newPassword;
    await this.logIn();
  }

  /** With a mail. */
  async resetPassword(): Promise<void> {
    const password = `reset by ${ulid()}`;
    const { email } = this;
    const mail = await this.mailed('Set a new password', () => this.post('password-reset', { email }, [202]));
    const token = tokenIn(mail);
    await this.post('password-reset/confirm', { token, password }, [204, 410]);
    this.password = password;
    await this.logIn();
  }

  async moveHouse(): Promise<void> {
    const address = {
      name: 'Ada Byron',
      line1: '1 Main St',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    };
    await this.asMe('/api/me/addresses', { body: address }, [201]);
  }

  /** Nobody can log in after that. */
  async vanish(): Promise<void> {
    const { email, password } = this;
    await this.asMe('/api/me/erasure', { body: { password } }, [204, 401]);
    await this.post('login', { email, password }, [401]);
  }

  async id(): Promise<string> {
    return (await this.asMe<Me>('/api/me', {}, [200])).body.id;
  }

  asMe<T>(path: string, request: HttpRequest, statuses: number[]): Promise<Answer<T>> {
    const headers = bearer(this.tokens?.accessToken ?? '');
    return this.shop.answered(statuses, () => this.shop.system.api<T>(path, { ...request, headers }));
  }

  /** Somebody who runs the shop: their account is made when the system starts the next time. */
  static async admin(shop: FaultPointShop): Promise<Visitor> {
    const admin = new Visitor(shop);
    admin.password = STAFF_PASSWORD;
    shop.points.addStaff(admin.email);
    await shop.stop();
    await shop.eventually(`the account of ${admin.email}`, async () => {
      const body = { email: admin.email, password: STAFF_PASSWORD };
      const { status } = await shop.system.api('/api/auth/login', { body, headers: NOBODY });
      return status === 200;
    });
    await admin.logIn();
    return admin;
  }

  /** Does for a customer what staff do, and for a machine. */
  async lookAfter(email: string): Promise<void> {
    const found = await this.asMe<{ data: CustomerSummary[] }>(`/api/customers?email=${email}`, {}, [200]);
    const { id } = found.body.data[0] ?? { id: '' };
    await this.asMe(`/api/customers/${id}/role`, { method: 'PUT', body: { role: 'warehouse' } }, [204]);
    await this.asMe(`/api/customers/${id}/erasure`, { method: 'POST' }, [204]);
    const key = { name: 'scanner', scopes: ['orders:read'] };
    const made = await this.asMe<{ id: string }>('/api/api-keys', { body: key }, [201]);
    await this.asMe(`/api/api-keys/${made.body.id}`, { method: 'DELETE' }, [204]);
  }

  /** A new mail, asked for again where it does not come. */
  private async mailed(subject: string, ask: () => Promise<unknown>): Promise<CaughtMessage> {
    const mails = () =>
      this.shop.system.mails.to(this.email).filter((mail) => mail.subject.includes(subject));
    const before = mails().length;
    for (let asks = 1; ; asks += 1) {
      await ask();
      const untilMs = performance.now() + MAIL_PATIENCE_MS;
      const outcome = await this.shop.eventually(`the mail "${subject}" to ${this.email}`, async () => {
        const [newest, ...others] = mails();
        if (newest !== undefined && others.length >= before) return newest;
        return performance.now() > untilMs && 'late';
      });
      if (outcome !== 'late') return outcome;
      if (asks === MAX_ASKS) throw new Error(`no mail "${subject}" after ${asks} requests`);
    }
  }

  private post<T>(path: string, body: unknown, statuses: number[]): Promise<Answer<T>> {
    return this.shop.answered(statuses, () =>
      this.shop.system.api<T>(`/api/auth/${path}`, { body, headers: NOBODY }),
    );
  }
}
