import { ENDPOINTS } from '../endpoints';
import { CreateWarehouseRequest } from '../inventory/schemas';
import { CancelOrderRequest } from '../orders/schemas';
import { email, singleLineText } from './field-schemas';
import { createOpenApiDocument } from './openapi/document';

test.each([
  ['a high surrogate alone', 'A\ud800'],
  ['a low surrogate alone', '\udc00'],
  ['a control character', 'a\u0000b'],
  ['a line break', 'a\nb'],
  ['a bidirectional override', 'a\u202eb'],
])('rejects a single line of text with %s', (_name, text) => {
  expect(singleLineText(200).safeParse(text).success).toBe(false);
  // Databases replace such characters: the row would differ from the log.
  expect(CreateWarehouseRequest.safeParse({ code: 'X1', name: text, country: 'DE' }).success).toBe(false);
  expect(CancelOrderRequest.safeParse({ reason: text }).success).toBe(false);
});

test('accepts surrogate pairs and trims the text', () => {
  expect(singleLineText(200).parse(' Café 💶 𠀀 ')).toBe('Café 💶 𠀀');
});

test('normalizes email addresses and rejects what cannot receive mail', () => {
  expect(email.parse(' First=Last@München.example ')).toBe('first=last@münchen.example');
  expect(email.parse('jo\u0308rg@example.com')).toBe('jörg@example.com');
  for (const invalid of ['ada', 'ada@localhost', 'a..b@example.com', 'a@b.example, c@d.example']) {
    expect(email.safeParse(invalid).error?.issues).toMatchObject([{ message: 'must be an email address' }]);
  }
});

test('documents the format and length of email addresses', () => {
  const { schemas = {} } = createOpenApiDocument(ENDPOINTS).components ?? {};
  expect(schemas.LogIn).toMatchObject({
    properties: { email: { type: 'string', format: 'email', maxLength: 254 } },
  });
});
