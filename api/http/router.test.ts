import express from 'express';
import { AppError } from '../../domain/shared/errors';
import { createApiContext } from '../../tests/harness/http/api-context';
import { sendRequest } from '../../tests/harness/http/http-client';
import { defineEndpoint, type Endpoint, EVERYONE } from './endpoint';
import { emptyResponse } from './openapi/responses';
import { z } from './openapi/zod';
import { createProblemHandler } from './problems';
import { ifMatch } from './request-headers';
import { createRouter } from './router';
import { type ApiServer, listen } from './server';

const base = {
  policy: EVERYONE,
  summary: 'Test',
  tags: ['test'],
  responses: { 200: emptyResponse('OK') },
} as {
  policy: typeof EVERYONE;
  summary: string;
  tags: [string];
  responses: Endpoint['responses'];
};
const getThing = defineEndpoint({
  ...base,
  method: 'get',
  path: '/api/things/:id',
  request: { params: z.object({ id: z.string().regex(/^\d+$/) }), query: z.strictObject({}) },
  notFound: () => new AppError('not_found', 'This thing does not exist.'),
  handler: ({ res, params }) => {
    res.json({ id: params.id });
  },
});
const importThings = defineEndpoint({
  ...base,
  method: 'post',
  path: '/api/things/import',
  handler: ({ res }) => {
    res.json('imported');
  },
});
const putThing = defineEndpoint({
  ...base,
  method: 'put',
  path: '/api/things/:id',
  request: { headers: { ifMatch }, body: z.strictObject({ name: z.string() }) },
  handler: ({ res, body, headers }) => {
    res.json([body.name, headers.ifMatch(3)]);
  },
});

let api: ApiServer;
beforeAll(async () => {
  const app = express();
  app.use(createRouter(createApiContext(), [getThing, importThings, putThing]));
  app.use(createProblemHandler(createApiContext().log));
  api = await listen(app, '127.0.0.1', 0);
});
afterAll(() => api?.stop(0));

const send = (method: string, path: string, options: object = {}) =>
  sendRequest<{ code?: string }>(`${api.url}${path}`, { method, ...options });

test('matches a static path before one with a parameter, whatever the order of declaration', async () => {
  expect((await send('POST', '/api/things/import')).body).toBe('imported');
  expect((await send('GET', '/api/things/7')).body).toEqual({ id: '7' });
  expect((await send('GET', '/api/things/import')).status).toBe(405);
});

test('returns 405 with the methods of the path, and serves HEAD where it serves GET', async () => {
  const response = await send('DELETE', '/api/things/7');
  expect([response.status, response.headers.allow]).toEqual([405, 'GET, HEAD, PUT']);
  expect((await send('HEAD', '/api/things/7')).status).toBe(200);
});

test('matches paths case-sensitively, with or without a trailing slash', async () => {
  expect((await send('GET', '/api/things/7/')).status).toBe(200);
  expect((await send('GET', '/api/Things/7')).status).toBe(404);
});

test('reports the first invalid part in the order of declaration', async () => {
  expect((await send('GET', '/api/things/x?unknown=1')).body.code).toBe('not_found');
  expect((await send('GET', '/api/things/7?unknown=1')).body.code).toBe('invalid_request');
  expect((await send('PUT', '/api/things/7', { body: {} })).body.code).toBe('precondition_required');
});

test('passes validated input to the handler', async () => {
  const request = { body: { name: 'desk' }, headers: { 'if-match': '"3"' } };
  expect((await send('PUT', '/api/things/7', request)).body).toEqual(['desk', true]);
});

test('rejects two declarations of one operation', () => {
  expect(() => createRouter(createApiContext(), [getThing, getThing])).toThrow(
    'declared twice: GET /api/things/:id',
  );
});

test('counts and authenticates a request before it decodes the path', async () => {
  const rateLimits = { address: 1, principal: 0, placement: 0, login: 0, mailbox: 0 };
  const app = express();
  app.use(createRouter(createApiContext({ rateLimits }), [getThing]));
  app.use(createProblemHandler(createApiContext().log));
  const limited = await listen(app, '127.0.0.1', 0);
  try {
    const sendMalformed = (headers = {}) =>
      sendRequest<{ code?: string }>(`${limited.url}/api/things/%E0%A4`, { headers });
    const responses = [await sendMalformed({ authorization: 'Bearer unknown' }), await sendMalformed()];
    expect(responses.map(({ body }) => body.code)).toEqual(['invalid_token', 'too_many_requests']);
  } finally {
    await limited.stop(0);
  }
  expect((await send('GET', '/api/things/%E0%A4')).body.code).toBe('invalid_request');
});
