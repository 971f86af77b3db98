import fc from 'fast-check';
import { newOneTimeTokenId } from '../../shared/new-ids';
import { createLinkTokens } from './link-tokens';

const tokens = createLinkTokens(Buffer.alloc(32, 1));
const id = newOneTimeTokenId();

test('derives the same token from an id and a key each time', () => {
  const token = tokens.issue(id, 'registration');
  expect(createLinkTokens(Buffer.alloc(32, 1)).issue(id, 'registration')).toBe(token);
  expect(tokens.verify(token, 'registration')).toBe(id);
  expect(token).toMatch(/^ott_[0-9A-Z]{26}\.[\w-]{43}$/);
});

test('accepts a token only for its purpose, key and id', () => {
  const token = tokens.issue(id, 'registration');
  expect(tokens.verify(token, 'password_reset')).toBeNull();
  expect(createLinkTokens(Buffer.alloc(32, 2)).verify(token, 'registration')).toBeNull();
  const [, signature] = token.split('.');
  expect(tokens.verify(`${newOneTimeTokenId()}.${signature}`, 'registration')).toBeNull();
});

test('rejects any other text without throwing', () => {
  const token = tokens.issue(id, 'registration');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.nat(token.length), fc.string({ minLength: 1 })).map(([at, text]) => {
          return token.slice(0, at) + text + token.slice(at);
        }),
        fc.nat(token.length - 1).map((length) => token.slice(0, length)),
      ),
      (text) => tokens.verify(text, 'registration') === null,
    ),
  );
});
