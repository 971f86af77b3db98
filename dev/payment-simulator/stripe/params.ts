import { ApiError, invalidRequest } from '../errors';

/** Parameters of a form-encoded request, with nested brackets parsed into objects. */
export type Params = Record<string, unknown>;

/** Rejects misspelled parameters, as Stripe does: ignoring one could charge a wrong amount. */
export function assertKnownParams(params: Params, names: readonly string[]): void {
  const unknown = Object.keys(params).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalidRequest(`Received unknown parameter: ${unknown}`, {
      code: 'parameter_unknown',
      param: unknown,
    });
  }
}

export function parseText(params: Params, name: string): string | null {
  const value = params[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string') throw invalidRequest(`Invalid string: ${name}`, { param: name });
  return value;
}

export function requireParam<T>(value: T | null, name: string): T {
  if (value !== null) return value;
  throw invalidRequest(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
}

/** A whole number of at least `min`. */
export function parseInteger(params: Params, name: string, min: number): number | null {
  const value = parseText(params, name);
  if (value === null) return null;
  const invalid = { code: 'parameter_invalid_integer', param: name };
  if (!/^-?\d{1,15}$/.test(value)) throw invalidRequest(`Invalid integer: ${value}`, invalid);
  if (Number(value) < min) {
    throw invalidRequest(`This value must be greater than or equal to ${min}.`, invalid);
  }
  return Number(value);
}

export function parseEnum<T extends string>(params: Params, name: string, values: readonly T[]): T | null {
  const value = parseText(params, name);
  if (value === null) return null;
  const match = values.find((candidate) => candidate === value);
  if (match === undefined) {
    throw invalidRequest(`Invalid ${name}: must be one of ${values.join(', ')}`, { param: name });
  }
  return match;
}

export const parseBoolean = (params: Params, name: string): boolean =>
  parseEnum(params, name, ['true', 'false']) === 'true';

export function parseObject(params: Params, name: string): Params | null {
  const value = params[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRequest('Invalid object', { param: name });
  }
  return { ...value };
}

export function parseStringArray(params: Params, name: string): string[] {
  const value = params[name];
  if (value === undefined || value === '') return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (!items.every((item) => typeof item === 'string'))
    throw invalidRequest('Invalid array', { param: name });
  return items;
}

/** Up to 50 keys of up to 40 characters with values of up to 500, as Stripe allows. */
export function parseMetadata(params: Params): Record<string, string> {
  const entries = Object.entries(parseObject(params, 'metadata') ?? {});
  if (entries.length > 50) throw invalidRequest('Metadata can have at most 50 keys.', { param: 'metadata' });
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (typeof value !== 'string' || key.length > 40 || value.length > 500) {
        throw invalidRequest('Metadata keys have up to 40 characters, values up to 500.', {
          param: `metadata[${key}]`,
        });
      }
      return [key, value];
    }),
  );
}

/** Whether to expand the charge, the only property that can be expanded here. */
export function parseExpandCharge(params: Params, path = 'latest_charge'): boolean {
  const paths = parseStringArray(params, 'expand');
  const unknown = paths.find((p) => p !== path);
  if (unknown !== undefined) {
    throw invalidRequest(`This property cannot be expanded (${unknown}).`, { param: 'expand' });
  }
  return paths.length > 0;
}

/** Accepts test keys only: a live key is a configuration mistake. Errors never contain the key. */
export function authenticate(header: string | undefined): void {
  const [scheme = '', value = ''] = (header ?? '').split(' ');
  const key =
    scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('utf8').split(':')[0]! : value;
  if (header === undefined || key === '') throw unauthorized('You did not provide an API key.');
  const isTestKey = ['basic', 'bearer'].includes(scheme.toLowerCase()) && /^sk_test_\w+$/.test(key);
  if (!isTestKey) throw unauthorized('Invalid API Key provided.');
}

const unauthorized = (message: string) => new ApiError(401, { type: 'invalid_request_error', message });
