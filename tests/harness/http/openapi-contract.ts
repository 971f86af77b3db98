import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { ENDPOINTS } from '../../../api/endpoints';
import { createOpenApiDocument } from '../../../api/http/openapi/document';

/** The parts of JSON Schema that the OpenAPI document uses. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  allOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  example?: unknown;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: JsonSchema;
}

interface Content {
  schema?: JsonSchema;
  example?: unknown;
}

/** One operation of the OpenAPI document. */
export interface ApiOperation {
  /** `post /api/orders/{id}/cancel` */
  name: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body: { mediaType: string; schema: JsonSchema; required: boolean; example: unknown } | undefined;
  /** By status. */
  responses: Record<string, OperationResponse>;
}

interface OperationResponse {
  description: string;
  content?: Record<string, Content>;
  headers?: Record<string, { $ref: string }>;
}

interface Operation {
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses: ApiOperation['responses'];
}

const document = createOpenApiDocument(ENDPOINTS) as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, JsonSchema>;
    headers: Record<string, { required?: boolean; schema: JsonSchema }>;
  };
};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export const OPERATIONS: readonly ApiOperation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) =>
    item[method] === undefined ? [] : [toApiOperation(method, path, item[method])],
  ),
);

function toApiOperation(method: string, path: string, operation: Operation): ApiOperation {
  const [body] = Object.entries(operation.requestBody?.content ?? {});
  return {
    name: `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    parameters: operation.parameters ?? [],
    body: body && {
      mediaType: body[0],
      schema: body[1].schema ?? {},
      required: operation.requestBody?.required === true,
      example: body[1].example ?? resolveSchema(body[1].schema ?? {}).example,
    },
    responses: operation.responses,
  };
}

/** Follows references. */
export function resolveSchema(schema: JsonSchema): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : resolveSchema(document.components.schemas[name] ?? {});
}

/** Headers that every response may have: of HTTP, caching, request ids and browser security. */
const STANDARD_HEADERS =
  /^(content-(type|length|security-policy)|cache-control|connection|cross-origin-.*|date|keep-alive|origin-agent-cluster|referrer-policy|transfer-encoding|vary|x-.*)$/;

export interface ApiResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** Differences between a response and the OpenAPI document. Undocumented paths have none. */
export function findContractViolations(method: string, path: string, response: ApiResponse): string[] {
  const [plain = ''] = path.split('?');
  const matches = OPERATIONS.filter((o) => o.method === method && matchesPath(o.path, plain));
  // A static path before one with a parameter: `{` sorts after letters.
  const [operation] = matches.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return operation === undefined ? [] : validateResponse(operation, response);
}

const matchesPath = (template: string, path: string): boolean =>
  new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}/?$`).test(path);

const validators = new Map<string, z.ZodType>();

function validateResponse(operation: ApiOperation, { status, headers, body }: ApiResponse): string[] {
  const mediaType = headers['content-type']?.split(';')[0] ?? '';
  const prefix = `${operation.name} responds ${status} as ${mediaType || 'nothing'}`;
  const response = operation.responses[status];
  if (response === undefined) return [`${prefix}, which is not documented`];
  const violations = validateHeaders(response, headers).map((violation) => `${prefix}, ${violation}`);
  if (
    mediaType === 'application/problem+json' &&
    !response.description.includes(`\`${getErrorCode(body)}\``)
  ) {
    violations.push(`${prefix} with the code ${getErrorCode(body)}, which is not documented`);
  }
  const schema = response.content?.[mediaType]?.schema;
  if (schema === undefined) {
    const isEmpty = response.content === undefined && body === undefined;
    return isEmpty ? violations : [...violations, `${prefix}, which is not documented`];
  }
  const key = `${operation.name} ${status}`;
  const validator = validators.get(key) ?? createValidator(schema);
  validators.set(key, validator);
  const { error } = validator.safeParse(body);
  return [
    ...violations,
    ...(error?.issues.map(({ path, message }) => `${key}: ${path.join('.')} ${message}`) ?? []),
  ];
}

const getErrorCode = (body: unknown): unknown => (body as { code?: unknown } | undefined)?.code;

/** Undocumented, missing and malformed headers. */
function validateHeaders(response: OperationResponse, headers: IncomingHttpHeaders): string[] {
  const documented = new Map(
    Object.entries(response.headers ?? {}).map(([name, { $ref }]) => [
      name.toLowerCase(),
      document.components.headers[$ref.split('/').at(-1) ?? ''],
    ]),
  );
  const unknown = Object.keys(headers).filter(
    (name) => !documented.has(name) && !STANDARD_HEADERS.test(name),
  );
  const missing = [...documented].flatMap(([name, header]) =>
    header?.required === true && headers[name] === undefined ? [name] : [],
  );
  const malformed = [...documented].flatMap(([name, header]) => {
    const value = headers[name];
    if (header === undefined || value === undefined) return [];
    const isValid = createValidator(header.schema).safeParse(
      header.schema.type === 'integer' ? Number(value) : value,
    ).success;
    return isValid ? [] : [name];
  });
  return [
    ...unknown.map((name) => `with the header ${name}, which is not documented`),
    ...missing.map((name) => `without the header ${name}`),
    ...malformed.map((name) => `with a malformed ${name}`),
  ];
}

/** With the library whose schemas the document is generated from. */
function createValidator(schema: JsonSchema): z.ZodType {
  const schemaText = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(schemaText.replaceAll('#/components/schemas/', '#/$defs/')));
}
