import { inspect } from 'node:util';
import { toMailError } from './mail-error';

describe('a failed send', () => {
  test.each([
    [
      {
        code: 'EENVELOPE',
        command: 'RCPT TO',
        responseCode: 550,
        response: '550 5.1.1 <ada@example.com> unknown',
      },
      'recipient_refused',
      true,
    ],
    [
      { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 503, response: '503 bad sequence' },
      'recipient_refused',
      false,
    ],
    [
      { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 530, response: '530 log in first' },
      'login_failed',
      false,
    ],
    [
      { code: 'EENVELOPE', command: 'MAIL FROM', responseCode: 550, response: '550 no' },
      'sender_refused',
      false,
    ],
    [{ code: 'EMESSAGE', command: 'DATA', responseCode: 554, response: '554 spam' }, 'message_refused', true],
    [
      { code: 'EMESSAGE', command: 'DATA', responseCode: 451, response: '451 later' },
      'message_refused',
      false,
    ],
    [{ code: 'EPROTOCOL', responseCode: 554, response: '554 go away' }, 'connection_failed', false],
    [{ code: 'EDNS' }, 'connection_failed', false],
    [{ code: 'ETIMEDOUT' }, 'timeout', false],
    [{}, 'send_failed', false],
  ])('%j becomes %s, permanent: %s, without the text of the reply', (fields, code, permanent) => {
    const error = toMailError(Object.assign(new Error('ada@example.com'), fields));
    expect(error).toMatchObject({ code, permanent });
    expect(inspect(error)).not.toContain('ada@');
  });
});
