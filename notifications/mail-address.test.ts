import { isMailAddress, parseMailAddress } from './mail-address';

describe('addresses', () => {
  test('real addresses are taken', () => {
    for (const address of [
      'a@b',
      "o'hara+tag@mail.example.co.uk",
      'jörg@müller.example',
      '用户@例子.example',
    ]) {
      expect([address, isMailAddress(address)]).toEqual([address, true]);
    }
  });

  test('a sender may have a name', () => {
    expect(parseMailAddress('"Durable, Goods" <a@b.example>')).toEqual({
      name: 'Durable, Goods',
      address: 'a@b.example',
    });
    expect(parseMailAddress('a@b.example')).toEqual({ name: '', address: 'a@b.example' });
    expect(() => parseMailAddress('a@b.example, c@d.example')).toThrow(RangeError);
  });
});
