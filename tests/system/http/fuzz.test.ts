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

/** Set FUZZ_SEED and FUZZ_RUNS for other runs. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const RUNS = Number(process.env.FUZZ_RUNS ?? 40);
/** Longer than any response, valid or not. */
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

  // Runs first: the idempotency key of an example must not have been used with another body.
  describe('the examples of the OpenAPI document', () => {
    const examples = OPERATIONS.filter(({ body }) => body?.example !== undefined);

    test('every required body has an example', () => {
      const without = OPERATIONS.filter(({ body }) => body?.required === true && body.example === undefined);
      expect(without.map(({ name }) => name)).toEqual([]);
    });

    test.each(examples.map((operation): [string, ApiOperation] => [operation.name, operation]))(
      '%s accepts its example',
      async (_name, operation) => {
        const { body, path, method } = operation;
        const url = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]?.[0] ?? 'none');
        const raw = typeof body?.example === 'string' ? body.example : JSON.stringify(body?.example);
        const response = await system.request<{ code?: string }>(url, {
          method,
          raw,
          headers: {
            ...buildRequiredHeaders(operation),
            ...(await callers.getHeaders(getAuthorizedCaller(operation))),
            'content-type': body?.mediaType ?? '',
          },
        });
        // The resource may not exist, but the example itself is valid.
        const { status, text } = response;
        const rejected =
          [400, 413, 415, 422, 500].includes(status) ||
          ACCESS_ERROR_CODES.includes(response.body?.code ?? '');
        expect({ rejected, text }).toEqual({ rejected: false, text });
      },
    );
  });

  describe('arbitrary requests', () => {
    test.each(OPERATIONS.map((operation): [string, ApiOperation] => [operation.name, operation]))(
      '%s responds in time, as documented, and never with 500',
      async (_name, operation) => {
        const property = fc.asyncProperty(
          arbitraryRequests(operation, ids),
          fc.constantFrom(...CALLERS),
          async ({ path, headers, raw }, caller) => {
            // Also validates the response against the OpenAPI document.
            const response = await system.request(path, {
              method: operation.method,
              headers: { ...headers, ...(await callers.getHeaders(caller)) },
              timeoutMs: RESPONSE_TIMEOUT_MS,
              ...(raw === undefined ? {} : { raw }),
            });
            expect(response.status).not.toBe(500);
          },
        );
        await fc.assert(property, { seed: SEED, numRuns: RUNS });
      },
    );

    test('leaves the system ready and consistent', async () => {
      expect((await system.request('/readyz')).status).toBe(200);
      expect((await system.placeOrder(buildOrderRequest())).status).toBe(201);
      expect(system.readLog()).not.toContain('"code":"internal_error"');
      expect(await system.listDoublePayments()).toEqual([]);
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

/** A caller that the policy of the endpoint permits. */
function getAuthorizedCaller({ method, path }: ApiOperation): Caller {
  const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
  const policy = ENDPOINTS.find((endpoint) => endpointName(endpoint) === name)?.policy ?? null;
  if (policy === null || policy.guest === 'all') return 'guest';
  return policy.scope === null ? 'admin' : 'machine';
}

/** Logs in again when a request has revoked the session or erased the account. */
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
