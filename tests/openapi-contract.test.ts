import { createApp } from '../api/http/app';
import { type ApiServer, listen } from '../api/http/server';
import { createApiContext } from './harness/http/api-context';
import { sendRequest } from './harness/http/http-client';
import { type ApiResponse, findContractViolations, OPERATIONS } from './harness/http/openapi-contract';

/** An answer as it should be. */
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
const describeViolations = (answer: ApiResponse) =>
  findContractViolations('GET', '/api/orders/ord_1', answer).join('\n');

describe('an answer is held against its description', () => {
  test('one that is as it is described has no fault', () => {
    expect(describeViolations(ORDER_NOT_FOUND)).toBe('');
    expect(describeViolations(createProblem(429, 'too_many_requests', { 'retry-after': '7' }))).toBe('');
  });

  test.each([
    ['a status that is not described', createProblem(422, 'not_found'), 'answers 422'],
    ['a code that is not described', createProblem(404, 'link_expired'), 'the code link_expired'],
    ['a problem without a code', { ...ORDER_NOT_FOUND, body: {} }, 'the code undefined'],
    [
      'a header that is not described',
      createProblem(404, 'not_found', { location: '/' }),
      'the header location',
    ],
    ['a header nobody describes', createProblem(404, 'not_found', { sunset: 'today' }), 'the header sunset'],
    ['a header that is missing', createProblem(429, 'too_many_requests'), 'without the header retry-after'],
    [
      'a header of another form',
      createProblem(429, 'too_many_requests', { 'retry-after': 'soon' }),
      'another retry-after',
    ],
  ])('%s is a fault', (_, answer, fault) => {
    expect(describeViolations(answer)).toContain(fault);
  });
});

describe('an app without anything behind it', () => {
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
  const ask = async (at: ApiServer, { method, path }: { method: string; path: string }) => {
    const real = path.replace(/\{\w+\}/g, 'some-1');
    const answer = await sendRequest(`${at.url}${real}`, {
      method,
      headers: { authorization: 'Bearer wrong' },
    });
    expect(findContractViolations(method, real, answer)).toEqual([]);
    return answer.status;
  };

  test.each(counted)('$name answers who asks too often as it is described', async (operation) => {
    expect(await ask(limited, operation)).toBe(429);
  });

  test.each(OPERATIONS.filter(({ path }) => path.startsWith('/api/')))(
    '$name answers a wrong token as it is described',
    async (operation) => {
      expect(await ask(api, operation)).toBe(401);
    },
  );

  test.each(OPERATIONS.filter(({ path }) => path.includes('{')))(
    '$name answers an address with broken escapes as it is described',
    async ({ method, path }) => {
      const answer = await sendRequest(`${api.url}${path.replace(/\{\w+\}/g, '%ff')}`, { method });
      expect(answer.status).toBe(400);
      expect(findContractViolations(method, path, answer)).toEqual([]);
    },
  );
});
