import { CreateWarehouseRequest } from '../inventory/schemas';
import { CancelOrderRequest, singleLineText } from './schemas';

test.each([
  ['half of a pair', 'A\ud800'],
  ['the other half', '\udc00'],
  ['a control', 'a\u0000b'],
  ['two lines', 'a\nb'],
  ['what turns text around', 'a\u202eb'],
])('a line has no %s', (_what, text) => {
  expect(singleLineText(200).safeParse(text).success).toBe(false);
  // Databases keep another character in its place, so that the log and the row would differ for ever.
  expect(CreateWarehouseRequest.safeParse({ code: 'X1', name: text, country: 'DE' }).success).toBe(false);
  expect(CancelOrderRequest.safeParse({ reason: text }).success).toBe(false);
});

test('a line may have what takes a whole pair', () => {
  expect(singleLineText(200).parse(' Café 💶 𠀀 ')).toBe('Café 💶 𠀀');
});
