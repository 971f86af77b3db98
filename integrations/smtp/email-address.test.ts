import { parseEmailAddress } from './email-address';

test('parses an address with an optional name', () => {
  expect(parseEmailAddress('"Durable, Goods" <a@b.example>')).toEqual({
    name: 'Durable, Goods',
    address: 'a@b.example',
  });
  expect(parseEmailAddress('a@b.example')).toEqual({ name: '', address: 'a@b.example' });
  expect(() => parseEmailAddress('a@b.example, c@d.example')).toThrow(RangeError);
});
