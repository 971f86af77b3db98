import type { Tokens } from '../../../api/auth/schemas';
import type { OrderSummary } from '../../../api/orders/schemas';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { DELIVERY_WORKFLOW } from '../../../workflows/notifications/messages';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { decodePayloads, type History, toHistoryJson } from '../../harness/workflow/histories';
import { buildOrderRequest, expectProblem, generateEmail } from '../orders/orders';
import {
  decodeClaims,
  extractToken,
  logIn,
  PASSWORD,
  postUnauthenticated,
  signUp,
  toBearerHeader,
  UNAUTHENTICATED,
  waitForMail,
} from './sign-up';

describe.each(DIALECTS)('accounts on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { SHOP_URL: 'https://shop.example/', LOG_LEVEL: 'trace' } });
  });
  afterAll(() => system?.close());

  const post = <T>(path: string, body: unknown) => postUnauthenticated<T>(system, `/api/auth/${path}`, body);
  const listOwnOrders = async (token: string): Promise<string[]> => {
    const { body, text } = await system.request<{ data: OrderSummary[] }>('/api/orders', {
      headers: toBearerHeader(token),
    });
    expect(text).toContain('data');
    return body.data.map((order) => order.id);
  };
  /** @returns the parts of a response that are equal for equal requests. */
  const toComparable = ({ status, text, headers }: { status: number; text: string; headers: object }) => {
    const requestId = (headers as Record<string, string>)['x-request-id'] ?? '';
    const names = Object.keys(headers).toSorted();
    return { status, names, text: text.replaceAll(requestId, '') };
  };

  test('a new account lists the orders placed earlier as a guest', async () => {
    const email = generateEmail();
    const placed = await system.placeOrder(buildOrderRequest(undefined, { email }), UNAUTHENTICATED);
    const { accessToken } = await signUp(system, email);
    expect(await listOwnOrders(accessToken)).toEqual([placed.body.id]);
    const later = await system.placeOrder(
      buildOrderRequest(undefined, { email }),
      toBearerHeader(accessToken),
    );
    expect(await listOwnOrders(accessToken)).toEqual([later.body.id, placed.body.id]);
  });

  test('the confirmation mail links to the shop, with the token in the fragment and in the text', async () => {
    const email = generateEmail();
    await post('register', { email: email.toUpperCase(), password: PASSWORD, name: 'Buy at evil.example' });
    const mail = await waitForMail(system, email, 'Confirm your email address');
    const token = extractToken(mail);
    expect(mail.text).toContain(`https://shop.example/confirm#token=${token}`);
    expect(mail.text).toContain(`\n${token}\n`);
    // The name comes from an unverified sender.
    expect(`${mail.text}${mail.html}${JSON.stringify(mail.to)}`).not.toContain('evil.example');
  });

  test('the confirmation requires the token of the mail and the chosen password', async () => {
    const email = generateEmail();
    await post('register', { email, password: PASSWORD });
    const token = extractToken(await waitForMail(system, email, 'Confirm your email address'));
    const missing = expectProblem(await post('confirm', { token }), 400, 'invalid_request');
    expect(missing.errors?.map(({ pointer }) => pointer)).toEqual(['/password']);
    expectProblem(await post('confirm', { token, password: 'wrong one' }), 401, 'invalid_credentials');
    expect((await post('confirm', { token, password: PASSWORD })).status).toBe(200);
    expectProblem(await post('confirm', { token, password: PASSWORD }), 410, 'link_expired');
  });

  test('a session is opened by login, extended by refresh and closed by logout', async () => {
    const email = generateEmail();
    await signUp(system, email);
    const first = await logIn(system, email);
    expect(first).toMatchObject({ tokenType: 'Bearer', expiresInSeconds: 900 });
    const { status, body: second } = await post<Tokens>('refresh', { refreshToken: first.refreshToken });
    expect(status).toBe(200);
    expect(decodeClaims(second.accessToken).sid).toBe(decodeClaims(first.accessToken).sid);
    expect((await post('logout', { refreshToken: second.refreshToken })).status).toBe(204);
    expectProblem(await post('refresh', { refreshToken: second.refreshToken }), 401, 'invalid_refresh_token');
    // The access token is revoked with its session, before it expires.
    const response = await system.request('/api/orders', { headers: toBearerHeader(second.accessToken) });
    expectProblem(response, 401, 'invalid_token');
  });

  test('logging out everywhere requires an access token and closes all sessions', async () => {
    const email = generateEmail();
    const current = await signUp(system, email);
    const other = await logIn(system, email);
    expectProblem(await post('logout', { everywhere: true }), 401, 'unauthenticated');
    const headers = toBearerHeader(current.accessToken);
    const loggedOut = await system.request('/api/auth/logout', { body: { everywhere: true }, headers });
    expect(loggedOut.status).toBe(204);
    for (const { refreshToken } of [current, other]) {
      expectProblem(await post('refresh', { refreshToken }), 401, 'invalid_refresh_token');
    }
    expect((await post('logout', { refreshToken: 'unknown' })).status).toBe(204);
  });

  test('an access token logs out its own session; a logout without a token is invalid', async () => {
    const email = generateEmail();
    const current = await signUp(system, email);
    const other = await logIn(system, email);
    const missing = expectProblem(await post('logout', {}), 400, 'invalid_request');
    expect(missing.errors?.map(({ pointer }) => pointer)).toEqual(['/refreshToken']);
    const headers = toBearerHeader(current.accessToken);
    expect((await system.request('/api/auth/logout', { body: {}, headers })).status).toBe(204);
    expectProblem(
      await post('refresh', { refreshToken: current.refreshToken }),
      401,
      'invalid_refresh_token',
    );
    const everywhere = { refreshToken: other.refreshToken, everywhere: true };
    expectProblem(await post('logout', everywhere), 401, 'unauthenticated');
    expect((await post('refresh', { refreshToken: other.refreshToken })).status).toBe(200);
  });

  test('every login opens a new session, whatever the request contains', async () => {
    const email = generateEmail();
    const { accessToken } = await signUp(system, email);
    const headers = toBearerHeader(accessToken);
    const body = { email, password: PASSWORD };
    const second = await system.request<Tokens>('/api/auth/login', { body, headers });
    expect(decodeClaims(second.body.accessToken).sid).not.toBe(decodeClaims(accessToken).sid);
    const sessionFixation = { ...body, refreshToken: 'chosen by an attacker', sid: 'ses_1' };
    expectProblem(await post('login', sessionFixation), 400, 'invalid_request');
  });

  test('a password reset uses the link of a mail, and a second mail confirms the change', async () => {
    const email = generateEmail();
    const { refreshToken } = await signUp(system, email);
    expect((await post('password-reset', { email })).status).toBe(202);
    const token = extractToken(await waitForMail(system, email, 'Set a new password'));
    const reset = (password: string) => post('password-reset/confirm', { token, password });
    expectProblem(await reset('1234567890'), 400, 'invalid_request');
    expect((await reset('difference engine')).status).toBe(204);
    expectProblem(await reset('difference engine'), 410, 'link_expired');
    expectProblem(await post('refresh', { refreshToken }), 401, 'invalid_refresh_token');
    expectProblem(await post('login', { email, password: PASSWORD }), 401, 'invalid_credentials');
    await logIn(system, email, 'difference engine');
    await waitForMail(system, email, 'Your password was changed');
  });

  test('a password change requires the old password and closes the other sessions', async () => {
    const email = generateEmail();
    const current = await signUp(system, email);
    const other = await logIn(system, email);
    const change = (currentPassword: string, newPassword: string) =>
      system.request('/api/auth/password', {
        body: { currentPassword, newPassword },
        headers: toBearerHeader(current.accessToken),
      });
    expectProblem(await change('not the password', 'difference engine'), 401, 'invalid_credentials');
    const weak = expectProblem(await change(PASSWORD, email), 400, 'invalid_request');
    expect(weak.errors?.[0]?.pointer).toBe('/newPassword');
    expect((await change(PASSWORD, 'difference engine')).status).toBe(204);
    expect((await post('refresh', { refreshToken: current.refreshToken })).status).toBe(200);
    expectProblem(await post('refresh', { refreshToken: other.refreshToken }), 401, 'invalid_refresh_token');
  });

  test.each([
    ['too short', 'short pass'.slice(1)],
    ['too long', 'x'.repeat(129)],
    ['too common', 'Password123'],
    ['not a string', 12_345_678_901],
  ])('returns 400 that names the field for a password that is %s', async (_, password) => {
    const problem = expectProblem(
      await post('register', { email: generateEmail(), password }),
      400,
      'invalid_request',
    );
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(['/password']);
  });

  test('a registration cannot set a role or other protected fields', async () => {
    const registration = { email: generateEmail(), password: PASSWORD };
    for (const fields of [{ role: 'admin' }, { customerId: 'cus_1' }, { emailVerified: true }]) {
      expectProblem(await post('register', { ...registration, ...fields }), 400, 'invalid_request');
    }
    const { accessToken } = await signUp(system, registration.email);
    expect(decodeClaims(accessToken).role).toBe('customer');
    expectProblem(
      await system.request('/api/api-keys', { headers: toBearerHeader(accessToken) }),
      403,
      'forbidden',
    );
  });

  describe('email addresses with and without an account get equal responses', () => {
    test('to a registration; the mail informs the owner of the account', async () => {
      const email = generateEmail();
      await signUp(system, email);
      const known = await post('register', { email, password: PASSWORD });
      const unknown = await post('register', { email: generateEmail(), password: PASSWORD });
      expect(toComparable(known)).toEqual(toComparable(unknown));
      expect(known.status).toBe(202);
      const mail = await waitForMail(system, email, 'You already have an account');
      expect(mail.text).not.toContain('token');
    });

    test('to a login with a wrong password, an unknown address or the address of a guest', async () => {
      const [email, guest] = [generateEmail(), generateEmail()];
      await signUp(system, email);
      await system.placeOrder(buildOrderRequest(undefined, { email: guest }), UNAUTHENTICATED);
      const responses = await Promise.all(
        [email, guest, generateEmail()].map((address) =>
          post('login', { email: address, password: 'wrong one' }),
        ),
      );
      for (const response of responses) {
        expectProblem(response, 401, 'invalid_credentials');
        expect(toComparable(response)).toEqual(toComparable(responses[0] ?? response));
      }
    });

    test('to a password reset', async () => {
      const email = generateEmail();
      await signUp(system, email);
      const known = await post('password-reset', { email });
      const unknown = await post('password-reset', { email: generateEmail() });
      expect(toComparable(known)).toEqual(toComparable(unknown));
      expect(known.status).toBe(202);
    });
  });

  test('the public keys for token verification are published', async () => {
    const { status, body, headers } = await system.request<{ keys: { kid: string }[] }>(
      '/.well-known/jwks.json',
    );
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=300');
    expect(body.keys).toHaveLength(1);
    expect(JSON.stringify(body)).not.toContain('"d"');
  });

  test('logs and workflow histories contain no token, password or email address', async () => {
    const email = generateEmail();
    const secrets = [email, PASSWORD, 'difference engine'];
    const tokens = await signUp(system, email);
    const confirmation = extractToken(await waitForMail(system, email, 'Confirm your email address'));
    const refreshed = await post<Tokens>('refresh', { refreshToken: tokens.refreshToken });
    await post('login', { email, password: 'not the password' });
    await post('password-reset', { email });
    const reset = extractToken(await waitForMail(system, email, 'Set a new password'));
    await post('password-reset/confirm', { token: reset, password: 'difference engine' });
    await waitForMail(system, email, 'Your password was changed');
    for (const link of [confirmation, reset]) secrets.push(link.split('.')[1] ?? '');
    for (const { accessToken, refreshToken } of [tokens, refreshed.body])
      secrets.push(accessToken, refreshToken);

    const histories = await fetchDeliveryHistories(system.taskQueuePrefix);
    expect(histories).toContain('ott_');
    for (const secret of secrets) {
      expect(system.readLog()).not.toContain(secret);
      expect(histories).not.toContain(secret);
    }
  });
});

/** @returns the decoded histories of all deliveries of the system. */
async function fetchDeliveryHistories(prefix: string): Promise<string> {
  const temporal = createTemporalClient({ address: getServerConfig().temporalAddress, namespace: 'default' });
  try {
    const histories: string[] = [];
    const query = `WorkflowType = "${DELIVERY_WORKFLOW}" AND TaskQueue = "${prefix}orders"`;
    for await (const { workflowId } of temporal.workflow.list({ query })) {
      const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
      histories.push(workflowId, decodePayloads(toHistoryJson(history as History)));
    }
    return histories.join('\n');
  } finally {
    await temporal.connection.close();
  }
}
