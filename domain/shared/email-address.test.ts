import { isEmailAddress } from './email-address';

test.each([
  'ada@example.com',
  "o'hara+tag@mail.example.co.uk",
  'first=last@example.com',
  'ada/x@example.com',
  'x%y@example.com',
  'a@b.example',
  'jörg@müller.example',
  '用户@例子.example',
  'कमल@उदाहरण.भारत',
  'ada@xn--mnchen-3ya.xn--p1ai',
  `${'a'.repeat(64)}@example.com`,
])('accepts %s', (address) => {
  expect(isEmailAddress(address)).toBe(true);
});

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'ada@localhost',
  'root@mailhost',
  'ada@127.0.0.1',
  'ada@[127.0.0.1]',
  'ada@example..com',
  'ada@-example.com',
  'ada@example-.com',
  'ada@example.com.',
  '.ada@example.com',
  'ada.@example.com',
  'a..b@example.com',
  'a@b@example.com',
  'a@b.example, c@d.example',
  'Ada <ada@example.com>',
  '"ada byron"@example.com',
  'ada\r\nBcc: eve@example.com',
  'ada@example.com\n',
  'ada\u202e@example.com',
  'ada\u200b@example.com',
  'ada\ud800@example.com',
  `${'a'.repeat(65)}@example.com`,
  `ada@${'a.'.repeat(130)}com`,
])('rejects %j', (text) => {
  expect(isEmailAddress(text)).toBe(false);
});

test('rejects invalid addresses in linear time', () => {
  const startedMs = performance.now();
  for (const evil of ['a.'.repeat(120), `a@${'a-'.repeat(120)}`, `a@${'a.'.repeat(120)}`, 'é'.repeat(254)]) {
    expect(isEmailAddress(`${evil}!`)).toBe(false);
  }
  expect(performance.now() - startedMs).toBeLessThan(200);
});
