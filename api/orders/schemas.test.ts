import { createOpenApiDocument } from '../http/openapi/document';
import { email } from './schemas';

test('whoever can be mailed can order, and one address has one spelling', () => {
  expect(email.parse(' First=Last@München.example ')).toBe('first=last@münchen.example');
  expect(email.parse('jo\u0308rg@example.com')).toBe('jörg@example.com');
  for (const none of ['ada', 'ada@localhost', 'a..b@example.com', 'a@b.example, c@d.example']) {
    expect(email.safeParse(none).error?.issues).toMatchObject([{ message: 'must be an address of mail' }]);
  }
});

test('an address is described as one', () => {
  const { schemas = {} } = createOpenApiDocument().components ?? {};
  expect(schemas.LogIn).toMatchObject({
    properties: { email: { type: 'string', format: 'email', maxLength: 254 } },
  });
});
