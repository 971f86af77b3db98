import fc from 'fast-check';
import { type ApiOperation, type JsonSchema, resolveSchema } from './openapi-contract';

/** A request to an operation, valid or almost valid. */
export interface FuzzedRequest {
  path: string;
  headers: Record<string, string>;
  /** The encoded body; undefined for none. */
  raw: string | undefined;
}

/** Values that often break parsers. */
const EDGE_CASES: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    ' ',
    0,
    -1,
    1.5,
    2 ** 53,
    -(2 ** 63),
    1e308,
    [],
    {},
    [[]],
    '\u0000',
    '\ud800',
    '\u202e',
    '💶'.repeat(50),
    "' OR 1=1 --",
    '%00',
    '../..',
    '__proto__',
    'a'.repeat(5_000),
    '2026-02-30T00:00:00Z',
    '9999999999999999999999',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values that the schema mostly allows. */
function arbitraryFor(schema: JsonSchema): fc.Arbitrary<unknown> {
  const known = resolveSchema(schema);
  const plain = arbitraryFromSchema(known);
  return known.example === undefined ? plain : fc.oneof(fc.constant(known.example), plain);
}

function arbitraryFromSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return fc.oneof(...variants.map(arbitraryFor));
  if (schema.allOf !== undefined) {
    return fc.tuple(...schema.allOf.map(arbitraryFor)).map((parts) => Object.assign({}, ...parts) as unknown);
  }
  const types = [schema.type ?? 'string'].flat();
  return fc.oneof(...types.map((type) => arbitraryOfType(type, schema)));
}

function arbitraryOfType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 50, 2 ** 31) });
    case 'number':
      return fc.double({ min: schema.minimum ?? -5, max: schema.maximum ?? 50, noNaN: true });
    case 'array':
      return fc.array(arbitraryFor(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'object':
      return arbitraryObject(schema);
    default:
      return arbitraryText(schema);
  }
}

function arbitraryObject({
  properties = {},
  required = [],
  additionalProperties,
}: JsonSchema): fc.Arbitrary<unknown> {
  const named = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, arbitraryFor(schema)])),
    { requiredKeys: required },
  );
  if (typeof additionalProperties !== 'object') return named;
  const others = fc.dictionary(fc.string({ maxLength: 10 }), arbitraryFor(additionalProperties), {
    maxKeys: 3,
  });
  return fc.tuple(named, others).map(([a, b]) => ({ ...b, ...(a as object) }));
}

function arbitraryText({ pattern, format, minLength = 0, maxLength = 60 }: JsonSchema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'));
  if (format === 'date-time') {
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
      .map((d) => d.toISOString());
  }
  if (format === 'email') return fc.emailAddress();
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 60) });
}

/** The value with one element replaced by an edge case, removed, or joined by an unknown field. */
const corruptValue = (value: unknown): fc.Arbitrary<unknown> =>
  fc
    .tuple(EDGE_CASES, fc.nat(), fc.constantFrom('replace', 'drop', 'add'))
    .map(([edgeCase, index, change]) => {
      const copy = structuredClone({ value });
      const paths = listPaths(copy);
      const [parent, key] = paths[index % paths.length] as [Record<string, unknown>, string];
      if (change === 'drop') delete parent[key];
      else if (change === 'add' && !Array.isArray(parent)) parent[`${key}x`] = edgeCase;
      else parent[key] = edgeCase;
      return copy.value;
    });

function listPaths(parent: object): [object, string][] {
  return Object.entries(parent).flatMap(([key, child]): [object, string][] => [
    [parent, key],
    ...(typeof child === 'object' && child !== null ? listPaths(child as object) : []),
  ]);
}

const mostlyValid = <T>(valid: fc.Arbitrary<T>, invalid: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: valid }, { weight: 1, arbitrary: invalid });

const edgeCaseText: fc.Arbitrary<string> = EDGE_CASES.map((value) =>
  typeof value === 'string' ? value : JSON.stringify(value),
);

/** @param ids existing values of path parameters, so that some requests reach existing resources. */
export function arbitraryRequests(
  operation: ApiOperation,
  ids: Record<string, readonly string[]>,
): fc.Arbitrary<FuzzedRequest> {
  const parameters = fc.tuple(
    ...operation.parameters.map((parameter) => {
      const known = ids[parameter.name] ?? [];
      const valid = arbitraryFor(parameter.schema).map(String);
      const value = mostlyValid(
        known.length > 0 ? fc.oneof(fc.constantFrom(...known), valid) : valid,
        edgeCaseText,
      );
      const isSent = parameter.required === true ? fc.constant(true) : fc.boolean();
      return fc.tuple(fc.constant(parameter), value, isSent);
    }),
  );
  const { body } = operation;
  const json =
    body === undefined
      ? fc.constant(undefined)
      : mostlyValid(
          arbitraryFor(body.schema)
            .chain((value) => mostlyValid(fc.constant(value), corruptValue(value)))
            .map((v) => JSON.stringify(v)),
          edgeCaseText,
        );
  return fc.tuple(parameters, json).map(([values, raw]) => {
    let path = operation.path;
    const query = new URLSearchParams();
    const headers: Record<string, string> =
      raw === undefined ? {} : { 'content-type': body?.mediaType ?? '' };
    for (const [{ name, in: location }, value, isSent] of values) {
      if (location === 'path')
        path = path.replace(`{${name}}`, encodeURIComponent(toWellFormed(value) || ' '));
      else if (!isSent) continue;
      else if (location === 'query') query.append(name, toWellFormed(value));
      // Other characters cannot be sent in a header.
      else headers[name] = value.replace(/[^\x21-\x7e]/g, '').slice(0, 1_000);
    }
    return {
      path: query.size === 0 ? path : `${path}?${query}`,
      headers,
      raw: raw === undefined ? undefined : toWellFormed(raw),
    };
  });
}

/** Replaces unpaired surrogates, which cannot be sent. */
const toWellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
