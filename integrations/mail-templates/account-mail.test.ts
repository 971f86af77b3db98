import { ACCOUNT_MAIL_KINDS } from '../../domain/notifications/notification-rules';
import { type AccountMailData, renderAccountMail } from './account-mail';

const TOKEN = 'ott_01ARZ3NDEKTSV4RRFFQ69G5FAV.abc-DEF_123';
const URL = `https://shop.example/confirm#token=${TOKEN}`;
const data = (changes: Partial<AccountMailData> = {}): AccountMailData => ({
  shopName: 'Durable Goods',
  customerName: 'Ada Byron',
  ...changes,
});

test.each(ACCOUNT_MAIL_KINDS)('%s names shop and customer in both formats', (kind) => {
  const mail = renderAccountMail(kind, data());
  expect(mail.subject).toMatch(/ \(Durable Goods\)$/);
  for (const body of [mail.html, mail.text]) {
    expect(body).toContain('Hello Ada Byron,');
    expect(body).toContain('Durable Goods');
    expect(body).not.toMatch(/undefined|null|\[object|<%|#token/);
  }
  expect(mail.text).not.toMatch(/<\w|\n{3}/);
  expect(renderAccountMail(kind, data({ customerName: null })).text).toContain('Hello there,');
});

test.each(['registration_confirm', 'password_reset'] as const)('%s contains link and token', (kind) => {
  const mail = renderAccountMail(kind, data({ link: { url: URL, token: TOKEN } }));
  for (const body of [mail.html, mail.text]) {
    expect(body).toContain(URL);
    expect(body).toMatch(new RegExp(`[\\n>]${TOKEN}[\\n<]`));
    expect(body).toMatch(/used once and is valid for (24 hours|1 hour)/);
  }
});

test('rejects links that are not http(s) URLs', () => {
  const link = { url: 'javascript:alert(1)', token: TOKEN };
  expect(() => renderAccountMail('password_reset', data({ link }))).toThrow(RangeError);
});

test('escapes names and keeps them on one line', () => {
  const mail = renderAccountMail('password_changed', data({ customerName: '<b>Ada</b>\nTransfer money' }));
  expect(mail.html).toContain('&lt;b&gt;Ada&lt;/b&gt; Transfer money');
  expect(mail.text).toContain('Hello <b>Ada</b> Transfer money,');
});
