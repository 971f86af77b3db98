import { createApp } from '../api/http/app';
import { type ListeningApi, listen } from '../api/http/listen';
import { apiContext } from './harness/http/api-context';
import { type Answered, faultsOf, OPERATIONS } from './harness/http/described-api';
import { http } from './harness/http/http';

/** An answer as it should be. */
const UNKNOWN_ORDER: Answered = {
  status: 404,
  headers: { 'content-type': 'application/problem+json', ratelimit: '"address";r=9;t=1' },
  body: {
    type: '/docs/problems#not_found',
    title: 'Not found',
    status: 404,
    detail: 'There is no such order.',
    instance: '/api/orders/ord_1',
    code: 'not_found',
    requestId: '1',
  },
};
const problem = (status: number, code: string, headers: Answered['headers'] = {}): Answered => ({
  status,
  headers: { ...UNKNOWN_ORDER.headers, ...headers },
  body: { ...(UNKNOWN_ORDER.body as object), status, code },
});
const faults = (answer: Answered) => faultsOf('GET', '/api/orders/ord_1', answer).join('\n');

describe('an answer is held against its description', () => {
  test('one that is as it is described has no fault', () => {
    expect(faults(UNKNOWN_ORDER)).toBe('');
    expect(faults(problem(429, 'too_many_requests', { 'retry-after': '7' }))).toBe('');
  });

  test.each([
    ['a status that is not described', problem(422, 'not_found'), 'answers 422'],
    ['a code that is not described', problem(404, 'link_expired'), 'the code link_expired'],
    ['a problem without a code', { ...UNKNOWN_ORDER, body: {} }, 'the code undefined'],
    ['a header that is not described', problem(404, 'not_found', { location: '/' }), 'the header location'],
    ['a header nobody describes', problem(404, 'not_found', { sunset: 'today' }), 'the header sunset'],
    ['a header that is missing', problem(429, 'too_many_requests'), 'without the header retry-after'],
    [
      'a header of another form',
      problem(429, 'too_many_requests', { 'retry-after': 'soon' }),
      'another retry-after',
    ],
  ])('%s is a fault', (_, answer, fault) => {
    expect(faults(answer)).toContain(fault);
  });
});

describe('an app without anything behind it', () => {
  let api: ListeningApi;
  let limited: ListeningApi;
  beforeAll(async () => {
    const rateLimits = { address: 1, principal: 0, placement: 0, login: 0, mailbox: 0 };
    const rateLimiter = {
      count: async (limit: object) => ({ limit, allowed: false, left: 0, resetMs: 1_500 }),
    } as never;
    api = await listen(createApp(apiContext()), '127.0.0.1', 0);
    limited = await listen(createApp(apiContext({ rateLimits, rateLimiter })), '127.0.0.1', 0);
  });
  afterAll(() => Promise.all([api?.stop(0), limited?.stop(0)]));

  const counted = OPERATIONS.filter(({ path }) => !/^\/(healthz|readyz)$/.test(path));
  const ask = async (at: ListeningApi, { method, path }: { method: string; path: string }) => {
    const real = path.replace(/\{\w+\}/g, 'some-1');
    const answer = await http(`${at.url}${real}`, { method, headers: { authorization: 'Bearer wrong' } });
    expect(faultsOf(method, real, answer)).toEqual([]);
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
      const answer = await http(`${api.url}${path.replace(/\{\w+\}/g, '%ff')}`, { method });
      expect(answer.status).toBe(400);
      expect(faultsOf(method, path, answer)).toEqual([]);
    },
  );
});
