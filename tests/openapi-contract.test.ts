import { createApp } from '../api/http/app';
import { type ApiServer, listen } from '../api/http/server';
import { createApiContext } from './harness/http/api-context';
import { sendRequest } from './harness/http/http-client';
import { type ApiResponse, findContractViolations, OPERATIONS } from './harness/http/openapi-contract';

/** A response that conforms to the OpenAPI document. */
const ORDER_NOT_FOUND: ApiResponse = {
  status: 404,
  headers: { 'content-type': 'application/problem+json', ratelimit: '"address";r=9;t=1' },
  body: {
    type: '/docs/problems#not_found',
    title: 'Not found',
    status: 404,
    detail: 'This order does not exist.',
    instance: '/api/orders/ord_1',
    code: 'not_found',
    requestId: '1',
  },
};
const createProblem = (status: number, code: string, headers: ApiResponse['headers'] = {}): ApiResponse => ({
  status,
  headers: { ...ORDER_NOT_FOUND.headers, ...headers },
  body: { ...(ORDER_NOT_FOUND.body as object), status, code },
});
const describeViolations = (response: ApiResponse) =>
  findContractViolations('GET', '/api/orders/ord_1', response).join('\n');

describe('findContractViolations', () => {
  test('accepts a documented response', () => {
    expect(describeViolations(ORDER_NOT_FOUND)).toBe('');
    expect(describeViolations(createProblem(429, 'too_many_requests', { 'retry-after': '7' }))).toBe('');
  });

  test.each([
    ['an undocumented status', createProblem(422, 'not_found'), 'responds 422'],
    ['an undocumented code', createProblem(404, 'link_expired'), 'the code link_expired'],
    ['a problem without a code', { ...ORDER_NOT_FOUND, body: {} }, 'the code undefined'],
    [
      'a header that is undocumented for the status',
      createProblem(404, 'not_found', { location: '/' }),
      'the header location',
    ],
    ['an undocumented header', createProblem(404, 'not_found', { sunset: 'today' }), 'the header sunset'],
    ['a missing required header', createProblem(429, 'too_many_requests'), 'without the header retry-after'],
    [
      'a malformed header',
      createProblem(429, 'too_many_requests', { 'retry-after': 'soon' }),
      'a malformed retry-after',
    ],
  ])('reports %s', (_, response, violation) => {
    expect(describeViolations(response)).toContain(violation);
  });
});

test('matches a static path before one with a parameter', () => {
  const undocumented = { ...ORDER_NOT_FOUND, status: 418 };
  expect(findContractViolations('GET', '/api/products/imports', undocumented)[0]).toMatch(
    /^get \/api\/products\/imports responds 418/,
  );
});

describe('an app without database and Temporal', () => {
  let api: ApiServer;
  let limited: ApiServer;
  beforeAll(async () => {
    const rateLimits = { address: 1, principal: 0, placement: 0, login: 0, mailbox: 0 };
    const rateLimiter = {
      consume: async (limit: object) => ({ limit, allowed: false, remaining: 0, resetMs: 1_500 }),
    } as never;
    api = await listen(createApp(createApiContext()), '127.0.0.1', 0);
    limited = await listen(createApp(createApiContext({ rateLimits, rateLimiter })), '127.0.0.1', 0);
  });
  afterAll(() => Promise.all([api?.stop(0), limited?.stop(0)]));

  const counted = OPERATIONS.filter(({ path }) => !/^\/(healthz|readyz)$/.test(path));
  const send = async (server: ApiServer, { method, path }: { method: string; path: string }) => {
    const url = path.replace(/\{\w+\}/g, 'some-1');
    const response = await sendRequest(`${server.url}${url}`, {
      method,
      headers: { authorization: 'Bearer wrong' },
    });
    expect(findContractViolations(method, url, response)).toEqual([]);
    return response.status;
  };

  test.each(counted)('$name responds to exceeded rate limits as documented', async (operation) => {
    expect(await send(limited, operation)).toBe(429);
  });

  test.each(OPERATIONS.filter(({ path }) => path.startsWith('/api/')))(
    '$name responds to an invalid token as documented',
    async (operation) => {
      expect(await send(api, operation)).toBe(401);
    },
  );

  test.each(OPERATIONS.filter(({ path }) => path.includes('{')))(
    '$name responds to invalid percent-encoding as documented',
    async ({ method, path }) => {
      const response = await sendRequest(`${api.url}${path.replace(/\{\w+\}/g, '%ff')}`, { method });
      expect(response.status).toBe(400);
      expect(findContractViolations(method, path, response)).toEqual([]);
    },
  );
});
