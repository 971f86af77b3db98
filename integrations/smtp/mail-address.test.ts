import { parseMailAddress } from './mail-address';

test('a sender may have a name', () => {
  expect(parseMailAddress('"Durable, Goods" <a@b.example>')).toEqual({
    name: 'Durable, Goods',
    address: 'a@b.example',
  });
  expect(parseMailAddress('a@b.example')).toEqual({ name: '', address: 'a@b.example' });
  expect(() => parseMailAddress('a@b.example, c@d.example')).toThrow(RangeError);
});
