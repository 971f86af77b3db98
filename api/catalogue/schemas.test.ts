import { z } from 'zod';
import { ENDPOINTS } from '../endpoints';
import { createOpenApiDocument } from '../http/openapi/document';
import { CreateProductRequest } from './schemas';

const { components } = createOpenApiDocument(ENDPOINTS);
const described = z.fromJSONSchema(JSON.parse(JSON.stringify(components?.schemas?.CreateProduct)));

const GOOD = { sku: 'oak-desk', name: 'Oak desk', price: { amount: 38_900, currency: 'EUR' } };
const attributes = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, 'x']));
/** What is sent, and whether it is let in: by the rules and by their description. */
const verdicts = (more: object): boolean[] => {
  const body = { ...GOOD, ...more };
  return [CreateProductRequest.safeParse(body).success, described.safeParse(body).success];
};

test.each<[what: string, more: object]>([
  ['a sku in capitals', { sku: 'Oak' }],
  ['no sku', { sku: '' }],
  ['a long sku', { sku: 'a'.repeat(65) }],
  ['no name', { name: '' }],
  ['a long name', { name: 'a'.repeat(201) }],
  ['a long description', { description: 'a'.repeat(2_001) }],
  ['a currency of four letters', { price: { amount: 1, currency: 'EURO' } }],
  ['an unknown tax class', { taxClass: 'none' }],
  ['less than no weight', { weightGrams: -1 }],
  ['half a gram', { weightGrams: 1.5 }],
  ['the weight of a house', { weightGrams: 10_000_001 }],
  ['no image', { imageUrl: '' }],
  ['an image without encryption', { imageUrl: 'http://x.example/a.webp' }],
  ['an image on another host', { imageUrl: '//x.example/a.webp' }],
  ['a path with a space', { imageUrl: '/a b.webp' }],
  ['a long path', { imageUrl: `/${'a'.repeat(1_000)}` }],
  ['an attribute without a value', { attributes: { wood: '' } }],
  ['a long attribute', { attributes: { wood: 'a'.repeat(501) } }],
  ['too many attributes', { attributes: attributes(51) }],
  ['an unknown field', { colour: 'red' }],
])('what is refused for its form is refused by the description, too: %s', (_what, more) => {
  expect(verdicts(more)).toEqual([false, false]);
});

// The shop's rules decide on them, which no schema knows.
test.each([-1, 0.5, 100_000_000])('a price of %d is refused by the description', (amount) => {
  expect(verdicts({ price: { amount, currency: 'EUR' } })[1]).toBe(false);
});

test.each<[what: string, more: object]>([
  ['what is needed', {}],
  ['the longest texts', { sku: 'a'.repeat(64), name: 'a'.repeat(200), description: 'a'.repeat(2_000) }],
  ['nothing to pay', { price: { amount: 0, currency: 'JPY' } }],
  ['the most to pay', { price: { amount: 99_999_999, currency: 'EUR' } }],
  ['the most weight', { weightGrams: 10_000_000 }],
  ['no image', { imageUrl: null }],
  ['the root as image', { imageUrl: '/' }],
  ['a path', { imageUrl: '/images/oak//desk.webp' }],
  ['an https address', { imageUrl: 'https://x.example/a.webp?size=1' }],
  ['the longest attribute', { attributes: { ['ä'.repeat(64)]: 'a'.repeat(500) } }],
  ['fifty attributes', { attributes: attributes(50) }],
])('what is let in is let in by the description, too: %s', (_what, more) => {
  expect(verdicts(more)).toEqual([true, true]);
});
