import { z } from 'zod';
import { ENDPOINTS } from '../endpoints';
import { createOpenApiDocument } from '../http/openapi/document';
import { CreateProductRequest } from './schemas';

const { components } = createOpenApiDocument(ENDPOINTS);
const documented = z.fromJSONSchema(JSON.parse(JSON.stringify(components?.schemas?.CreateProduct)));

const GOOD = { sku: 'oak-desk', name: 'Oak desk', price: { amount: 38_900, currency: 'EUR' } };
const attributes = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, 'x']));
/** Whether the schema and the OpenAPI document accept the body. */
const isAccepted = (fields: object): boolean[] => {
  const body = { ...GOOD, ...fields };
  return [CreateProductRequest.safeParse(body).success, documented.safeParse(body).success];
};

test.each<[name: string, fields: object]>([
  ['a sku in capitals', { sku: 'Oak' }],
  ['no sku', { sku: '' }],
  ['a long sku', { sku: 'a'.repeat(65) }],
  ['no name', { name: '' }],
  ['a long name', { name: 'a'.repeat(201) }],
  ['a long description', { description: 'a'.repeat(2_001) }],
  ['a currency of four letters', { price: { amount: 1, currency: 'EURO' } }],
  ['an unknown tax class', { taxClass: 'none' }],
  ['a negative weight', { weightGrams: -1 }],
  ['a fractional weight', { weightGrams: 1.5 }],
  ['too large a weight', { weightGrams: 10_000_001 }],
  ['an empty image URL', { imageUrl: '' }],
  ['an image URL without TLS', { imageUrl: 'http://x.example/a.webp' }],
  ['a protocol-relative image URL', { imageUrl: '//x.example/a.webp' }],
  ['a path with a space', { imageUrl: '/a b.webp' }],
  ['a long path', { imageUrl: `/${'a'.repeat(1_000)}` }],
  ['an attribute without a value', { attributes: { wood: '' } }],
  ['a long attribute', { attributes: { wood: 'a'.repeat(501) } }],
  ['too many attributes', { attributes: attributes(51) }],
  ['an unknown field', { colour: 'red' }],
])('schema and document both reject %s', (_name, fields) => {
  expect(isAccepted(fields)).toEqual([false, false]);
});

// The service validates the amount: it depends on the currency of the shop.
test.each([-1, 0.5, 100_000_000])('the document rejects a price of %d', (amount) => {
  expect(isAccepted({ price: { amount, currency: 'EUR' } })[1]).toBe(false);
});

test.each<[name: string, fields: object]>([
  ['the required fields', {}],
  ['the longest texts', { sku: 'a'.repeat(64), name: 'a'.repeat(200), description: 'a'.repeat(2_000) }],
  ['a price of 0', { price: { amount: 0, currency: 'JPY' } }],
  ['the highest price', { price: { amount: 99_999_999, currency: 'EUR' } }],
  ['the highest weight', { weightGrams: 10_000_000 }],
  ['an empty image URL', { imageUrl: null }],
  ['the root as image', { imageUrl: '/' }],
  ['a path', { imageUrl: '/images/oak//desk.webp' }],
  ['an https URL', { imageUrl: 'https://x.example/a.webp?size=1' }],
  ['the longest attribute', { attributes: { ['ä'.repeat(64)]: 'a'.repeat(500) } }],
  ['fifty attributes', { attributes: attributes(50) }],
])('schema and document both accept %s', (_name, fields) => {
  expect(isAccepted(fields)).toEqual([true, true]);
});
