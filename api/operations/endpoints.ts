import { defineEndpoint } from '../http/endpoint';
import { jsonResponse } from '../http/openapi/responses';
import { z } from '../http/openapi/zod';

const readiness = (status: 'ready' | 'not_ready') =>
  z.object({
    status: z.literal(status),
    checks: z.record(z.string(), z.boolean()),
    missing: z.array(z.string()),
  });

/** Health checks for load balancers and orchestrators. */
export const OPERATIONS_ENDPOINTS = [
  defineEndpoint({
    method: 'get',
    path: '/healthz',
    policy: null,
    limit: 'none',
    summary: 'Check that the process is running',
    description:
      'Returns 200 while the process accepts connections. Checks no dependency and is never rate limited.',
    tags: ['operations'],
    responses: { 200: jsonResponse(z.object({ status: z.literal('ok') }), 'The process is running') },
    handler({ res }) {
      res.json({ status: 'ok' });
    },
  }),
  defineEndpoint({
    method: 'get',
    path: '/readyz',
    policy: null,
    limit: 'none',
    summary: 'Check that orders can be accepted',
    description:
      'Checks the database, Temporal and the workers. While a check fails, `missing` describes what is unavailable. Never rate limited.',
    tags: ['operations'],
    responses: {
      200: jsonResponse(readiness('ready'), 'Orders can be accepted'),
      503: jsonResponse(readiness('not_ready'), 'A dependency is unavailable'),
    },
    async handler({ ctx, res }) {
      const result = await ctx.readiness();
      res.status(result.status === 'ready' ? 200 : 503).json(result);
    },
  }),
];
