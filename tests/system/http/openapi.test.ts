import { ENDPOINTS } from '../../../api/endpoints';
import { createApp } from '../../../api/http/app';
import { endpointName } from '../../../api/http/endpoint';
import { createOpenApiDocument } from '../../../api/http/openapi/document';
import { createApiContext } from '../../harness/http/api-context';
import { listRoutes } from '../../harness/http/routes';
import { type System, startSystem } from '../../harness/servers/system';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
/** Routes that are not in the OpenAPI document: the document, its page and the redirect to it. */
const UNDOCUMENTED_ROUTES = ['GET /', 'GET /openapi.json', 'GET /docs/problems'];

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown }[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<
    string,
    { description: string; content?: Record<string, unknown>; headers?: Record<string, unknown> }
  >;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>>>;
  components: { schemas: Record<string, unknown>; headers: Record<string, { required?: boolean }> };
}

interface Schema {
  properties?: object;
  allOf?: Schema[];
  $ref?: string;
}

let system: System;
let document: Document;
beforeAll(async () => {
  system = await startSystem({ dialect: 'sqlite' });
  document = (await system.request<Document>('/openapi.json')).body;
});
afterAll(() => system?.close());

const listOperations = (): [name: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): [string, Operation][] => {
      const operation = item[method];
      return operation === undefined ? [] : [[`${method.toUpperCase()} ${path}`, operation]];
    }),
  );

const toExpressPath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1');

/** Includes the properties of the schema that is extended. */
function listProperties({ properties = {}, allOf = [], $ref }: Schema): string[] {
  const base = $ref && listProperties(document.components.schemas[$ref.split('/').at(-1) ?? ''] as Schema);
  return [...Object.keys(properties), ...allOf.flatMap(listProperties), ...(base || [])];
}

test('serves an OpenAPI 3.1 document whose references all resolve', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '');
  expect(references.length).toBeGreaterThan(10);
  const { schemas, headers } = document.components;
  const targets = [
    ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
    ...Object.keys(headers).map((name) => `#/components/headers/${name}`),
  ];
  expect(references.filter((reference) => !targets.includes(reference))).toEqual([]);
  expect(JSON.parse(JSON.stringify(createOpenApiDocument(ENDPOINTS)))).toEqual(document);
});

test('documents summary, parameters and errors of every operation', () => {
  expect(listOperations().length).toBeGreaterThan(10);
  for (const [name, operation] of listOperations()) {
    const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const declared = (operation.parameters ?? []).filter((p) => p.in === 'path');
    expect([name, declared.map((p) => p.name), declared.every((p) => p.required)]).toEqual([
      name,
      inPath,
      true,
    ]);
    expect([name, operation.summary, operation.tags]).toEqual([
      name,
      expect.any(String),
      [expect.any(String)],
    ]);
    for (const [status, response] of Object.entries(operation.responses)) {
      expect([name, response.description]).toEqual([name, expect.stringMatching(/./)]);
      if (Number(status) >= 400 && !name.endsWith('/readyz'))
        expect([name, Object.keys(response.content ?? {})]).toEqual([name, ['application/problem+json']]);
    }
  }
});

test('documents the response headers of every operation', () => {
  const required = Object.entries(document.components.headers).flatMap(([name, h]) =>
    h.required ? [name] : [],
  );
  expect(required.toSorted()).toEqual([
    'Cache-Control',
    'Content-Disposition',
    'ETag',
    'Location',
    'Retry-After',
    'Vary',
    'WWW-Authenticate',
  ]);
  for (const [name, { responses }] of listOperations()) {
    if (name.endsWith('/healthz') || name.endsWith('/readyz')) continue;
    for (const [status, { headers = {} }] of Object.entries(responses)) {
      const needed = {
        '401': ['WWW-Authenticate'],
        '429': ['Retry-After'],
        '503': ['Retry-After'],
        '304': ['ETag'],
      }[status];
      expect([name, status, Object.keys(headers)]).toEqual([
        name,
        status,
        expect.arrayContaining(['RateLimit', 'RateLimit-Policy', ...(needed ?? [])]),
      ]);
    }
    expect([name, responses[429]?.description]).toEqual([
      name,
      expect.stringContaining('`too_many_requests`'),
    ]);
  }
  const { responses: placed } = document.paths['/api/orders']?.post ?? { responses: {} };
  for (const status of [201, 202, 402, 409]) {
    expect(Object.keys(placed[status]?.headers ?? {})).toEqual(
      expect.arrayContaining(['Location', 'Idempotent-Replayed', 'Preference-Applied']),
    );
  }
});

test('documents exactly the routes that the app serves', () => {
  const described = listOperations().map(([name]) => toExpressPath(name));
  expect(ENDPOINTS.map(endpointName).toSorted()).toEqual(described.toSorted());
  expect(listRoutes(createApp(createApiContext())).toSorted()).toEqual(UNDOCUMENTED_ROUTES.toSorted());
});

test('responses have exactly the documented properties', async () => {
  const described = (name: string) => Object.keys(document.paths[name]?.get?.responses ?? {});
  expect(described('/api/orders/{id}')).toEqual(expect.arrayContaining(['200', '304', '400', '404', '503']));
  const properties = listProperties(document.components.schemas.Order as Schema);
  const example = (document.components.schemas.PlaceOrder as { example: unknown }).example;
  const placed = await system.placeOrder<object>(example);
  expect(placed.status).toBe(201);
  expect(Object.keys(placed.body).toSorted()).toEqual(properties.toSorted());
});
