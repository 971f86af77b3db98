import fc from 'fast-check';
import { type Described, OPERATIONS } from '../support/described-api';
import { callsOf } from '../support/fuzz';
import { type System, startSystem } from '../support/system';
import { orderOf } from './orders';

/** Another run: FUZZ_SEED and FUZZ_RUNS. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const RUNS = Number(process.env.FUZZ_RUNS ?? 40);
/** Nothing asked for in vain takes longer than this. */
const PATIENCE_MS = 20_000;

let system: System;
const ids: Record<string, string[]> = {};
beforeAll(async () => {
  system = await startSystem({ dialect: 'sqlite', env: { DECISION_WAIT_MS: '5000' } });
  const orders = await Promise.all(Array.from({ length: 3 }, () => system.place(orderOf())));
  ids.id = orders.map(({ body }) => body.id);
  ids.sku = ['walnut-desk', 'limited-50'];
});
afterAll(() => system?.close());

const CALLERS = ['machine', 'guest'] as const;

describe('whatever is sent', () => {
  test.each(OPERATIONS.map((operation): [string, Described] => [operation.name, operation]))(
    '%s answers as it is described, and soon, and never with 500',
    async (_name, operation) => {
      const property = fc.asyncProperty(
        callsOf(operation, ids),
        fc.constantFrom(...CALLERS),
        async ({ path, headers, raw }, caller) => {
          // Holds the answer against its description.
          const answer = await system.api(path, {
            method: operation.method,
            headers: { ...headers, ...(caller === 'guest' ? { authorization: '' } : {}) },
            timeoutMs: PATIENCE_MS,
            ...(raw === undefined ? {} : { raw }),
          });
          expect(answer.status).not.toBe(500);
        },
      );
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    },
  );

  test('the system is as well afterwards as before', async () => {
    expect((await system.api('/readyz')).status).toBe(200);
    expect((await system.place(orderOf())).status).toBe(201);
    expect(system.log()).not.toContain('"code":"internal_error"');
    expect(await system.doublePayments()).toEqual([]);
  });
});

describe('the examples of the description', () => {
  const examples = OPERATIONS.filter(({ body }) => body?.example !== undefined);

  test('every body that must be sent has one', () => {
    const without = OPERATIONS.filter(({ body }) => body?.required === true && body.example === undefined);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test.each(examples.map((operation): [string, Described] => [operation.name, operation]))(
    '%s takes its example',
    async (_name, operation) => {
      const { body, path, method } = operation;
      const real = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]?.[0] ?? 'none');
      const raw = typeof body?.example === 'string' ? body.example : JSON.stringify(body?.example);
      const { status, text } = await system.api(real, {
        method,
        raw,
        headers: { ...neededHeaders(operation), 'content-type': body?.mediaType ?? '' },
      });
      // What it is about may not be there, or not for this caller; the example itself is right.
      expect({ status: [400, 413, 415, 422, 500].includes(status) ? status : 'fine', text }).toEqual({
        status: 'fine',
        text,
      });
    },
  );
});

const neededHeaders = ({ parameters }: Described): Record<string, string> =>
  Object.fromEntries(
    parameters
      .filter((parameter) => parameter.in === 'header' && parameter.required === true)
      .map(({ name, schema }) => [name, String(schema.example ?? 'example-1')]),
  );
