import { z } from 'zod';
import { openApiDocument } from '../../api/openapi';

/** A JSON schema, as far as the description of the API uses them. */
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

/** One operation, as the description of the API has it. */
export interface Described {
  /** `post /api/orders/{id}/cancel` */
  name: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body: { mediaType: string; schema: JsonSchema; required: boolean; example: unknown } | undefined;
  /** By status. */
  responses: Record<string, { content?: Record<string, Content> }>;
}

interface Operation {
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses: Described['responses'];
}

const document = openApiDocument() as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export const operations = (): Described[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => (item[method] === undefined ? [] : [described(method, path, item[method])])),
  );

function described(method: string, path: string, operation: Operation): Described {
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
      example: body[1].example ?? resolve(body[1].schema ?? {}).example,
    },
    responses: operation.responses,
  };
}

/** What a schema refers to, if it does. */
export function resolve(schema: JsonSchema): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : resolve(document.components.schemas[name] ?? {});
}

const validators = new Map<string, z.ZodType>();

/** What is wrong with a JSON answer by the description of its operation; nothing when it is as described. */
export function faultsOfAnswer(
  operation: Described,
  status: number,
  contentType: string,
  body: unknown,
): string[] {
  const response = operation.responses[status];
  if (response === undefined) return [`${operation.name} answers ${status}, which is not described`];
  const mediaType = contentType.split(';')[0] ?? '';
  const schema = response.content?.[mediaType]?.schema;
  if (schema === undefined) {
    const isEmpty = response.content === undefined && body === undefined;
    return isEmpty ? [] : [`${operation.name} answers ${status} as ${mediaType}, which is not described`];
  }
  const key = `${operation.name} ${status}`;
  const validator = validators.get(key) ?? validatorOf(schema);
  validators.set(key, validator);
  const { error } = validator.safeParse(body);
  return error?.issues.map(({ path, message }) => `${key}: ${path.join('.')} ${message}`) ?? [];
}

/** By the same library that made the description. */
function validatorOf(schema: JsonSchema): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')));
}
