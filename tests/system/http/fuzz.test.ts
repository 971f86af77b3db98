import fc from 'fast-check';
import type { Me } from '../../../api/customers/schemas';
import { ENDPOINTS } from '../../../api/endpoints';
import { endpointName } from '../../../api/http/endpoint';
import { arbitraryRequests } from '../../harness/http/fuzz-requests';
import { type ApiOperation, OPERATIONS } from '../../harness/http/openapi-contract';
import { createStaffToken } from '../../harness/http/staff-token';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { toBearerHeader, UNAUTHENTICATED } from '../customers/sign-up';
import { buildOrderRequest } from '../orders/orders';

/** Another run: FUZZ_SEED and FUZZ_RUNS. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const RUNS = Number(process.env.FUZZ_RUNS ?? 40);
/** Nothing asked for in vain takes longer than this. */
const RESPONSE_TIMEOUT_MS = 20_000;

describe.each(DIALECTS)('on %s', (dialect) => {
  let system: System;
  let callers: CallerCredentials;
  const ids: Record<string, string[]> = {};
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { DECISION_WAIT_MS: '5000' } });
    callers = new CallerCredentials(system);
    const orders = await Promise.all(Array.from({ length: 3 }, () => system.placeOrder(buildOrderRequest())));
    ids.id = orders.map(({ body }) => body.id);
    ids.sku = ['walnut-desk', 'limited-50'];
  });
  afterAll(() => system?.close());

  // First: an example's idempotency key must not have been used with another body.
  describe('the examples of the description', () => {
    const examples = OPERATIONS.filter(({ body }) => body?.example !== undefined);

    test('every body that must be sent has one', () => {
      const without = OPERATIONS.filter(({ body }) => body?.required === true && body.example === undefined);
      expect(without.map(({ name }) => name)).toEqual([]);
    });

    test.each(examples.map((operation): [string, ApiOperation] => [operation.name, operation]))(
      '%s takes its example',
      async (_name, operation) => {
        const { body, path, method } = operation;
        const real = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]?.[0] ?? 'none');
        const raw = typeof body?.example === 'string' ? body.example : JSON.stringify(body?.example);
        const answer = await system.request<{ code?: string }>(real, {
          method,
          raw,
          headers: {
            ...buildRequiredHeaders(operation),
            ...(await callers.getHeaders(getAuthorizedCaller(operation))),
            'content-type': body?.mediaType ?? '',
          },
        });
        // What it is about may not be there; the example itself is right, and was read.
        const { status, text } = answer;
        const refused =
          [400, 413, 415, 422, 500].includes(status) || ACCESS_ERROR_CODES.includes(answer.body?.code ?? '');
        expect({ refused, text }).toEqual({ refused: false, text });
      },
    );
  });

  describe('whatever is sent', () => {
    test.each(OPERATIONS.map((operation): [string, ApiOperation] => [operation.name, operation]))(
      '%s answers as it is described, and soon, and never with 500',
      async (_name, operation) => {
        const property = fc.asyncProperty(
          arbitraryRequests(operation, ids),
          fc.constantFrom(...CALLERS),
          async ({ path, headers, raw }, caller) => {
            // Holds the answer against its description.
            const answer = await system.request(path, {
              method: operation.method,
              headers: { ...headers, ...(await callers.getHeaders(caller)) },
              timeoutMs: RESPONSE_TIMEOUT_MS,
              ...(raw === undefined ? {} : { raw }),
            });
            expect(answer.status).not.toBe(500);
          },
        );
        await fc.assert(property, { seed: SEED, numRuns: RUNS });
      },
    );

    test('the system is as well afterwards as before', async () => {
      expect((await system.request('/readyz')).status).toBe(200);
      expect((await system.placeOrder(buildOrderRequest())).status).toBe(201);
      expect(system.readLog()).not.toContain('"code":"internal_error"');
      expect(await system.listDoublePayments()).toEqual([]);
      // What was let in is in the log as it is in the rows.
      expect(await system.verify()).toEqual([]);
    });
  });
});

const buildRequiredHeaders = ({ parameters }: ApiOperation): Record<string, string> =>
  Object.fromEntries(
    parameters
      .filter((parameter) => parameter.in === 'header' && parameter.required === true)
      .map(({ name, schema }) => [name, String(schema.example ?? 'example-1')]),
  );

const CALLERS = ['machine', 'guest', 'customer', 'admin'] as const;
type Caller = (typeof CALLERS)[number];
const ACCESS_ERROR_CODES = ['unauthenticated', 'invalid_token', 'forbidden'];

/** Somebody whom the policy of the address lets in. */
function getAuthorizedCaller({ method, path }: ApiOperation): Caller {
  const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
  const policy = ENDPOINTS.find((endpoint) => endpointName(endpoint) === name)?.policy ?? null;
  if (policy === null || policy.guest === 'all') return 'guest';
  return policy.scope === null ? 'admin' : 'machine';
}

/** People who log in again when a call has ended their session, or their account. */
class CallerCredentials {
  private readonly tokens = new Map<Caller, string>();

  constructor(private readonly system: System) {}

  async getHeaders(caller: Caller): Promise<Record<string, string>> {
    if (caller === 'machine') return {};
    if (caller === 'guest') return UNAUTHENTICATED;
    const known = this.tokens.get(caller);
    if (known !== undefined) {
      const { status, body } = await this.system.request<Me>('/api/me', { headers: toBearerHeader(known) });
      if (status === 200 && body.role === caller) return toBearerHeader(known);
    }
    const { token } = await createStaffToken(this.system.env, caller);
    this.tokens.set(caller, token);
    return toBearerHeader(token);
  }
}
