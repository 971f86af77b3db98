import net from 'node:net';
import { inspect } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { createMailCatcher, type MailCatcher } from '../../dev/mail-catcher/catcher';
import { eventually } from '../../tests/harness/eventually';
import { MailError } from './mail-error';
import { createSmtpMailer, MAX_CONNECTIONS, type Mailer, type MailMessage, toMessageId } from './mailer';

const NOTIFICATION = 'ntf:email:ord_01ARZ3NDEKTSV4RRFFQ69G5FAV:confirmed';
const MESSAGE_ID = toMessageId(NOTIFICATION, 'shop.example');

const message = (changes: Partial<MailMessage> = {}): MailMessage => ({
  to: { name: 'Ada Byron', address: 'ada@example.com' },
  subject: 'Your order is confirmed',
  html: '<p>Thank you</p>',
  text: 'Thank you\n',
  messageId: MESSAGE_ID,
  ...changes,
});

const mailerTo = (smtpUrl: string, timeoutMs = 2000): Mailer =>
  createSmtpMailer({ smtpUrl, from: 'Durable Goods <orders@shop.example>', timeoutMs });

const failure = async (sending: Promise<void>): Promise<MailError> => {
  const error: unknown = await sending.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof MailError) return error;
  throw new Error(`expected a MailError, got ${inspect(error)}`);
};

describe('delivery over SMTP', () => {
  let catcher: MailCatcher;
  let mailer: Mailer;
  const received = () => catcher.store.list({ limit: 200 }).data;
  const raw = () => catcher.store.get(received()[0]!.id)!.raw.toString();

  beforeEach(async () => {
    catcher = await createMailCatcher({ smtpPort: 0, httpPort: 0, host: '127.0.0.1' });
    mailer = mailerTo(catcher.smtpUrl);
  });
  afterEach(async () => {
    await mailer.close();
    await catcher.close();
  });

  test('delivers a mail with the given Message-ID', async () => {
    await mailer.send(message({ headers: { 'X-Notification': NOTIFICATION } }));
    expect(received()).toMatchObject([
      {
        messageId: MESSAGE_ID,
        from: { name: 'Durable Goods', address: 'orders@shop.example' },
        to: [{ name: 'Ada Byron', address: 'ada@example.com' }],
        subject: 'Your order is confirmed',
        html: expect.stringContaining('<p>Thank you</p>'),
        text: expect.stringContaining('Thank you'),
      },
    ]);
    expect(raw()).toContain(`X-Notification: ${NOTIFICATION}`);
    expect(raw()).toContain('Auto-Submitted: auto-generated');
  });

  test('uses a bounded number of connections for concurrent mails', async () => {
    const count = 40;
    await Promise.all(Array.from({ length: count }, () => mailer.send(message())));
    expect(received()).toHaveLength(count);
  });

  test('treats 4xx as temporary and 550 as permanent, and stays usable', async () => {
    catcher.setBehaviour('reject_temporary');
    expect(await failure(mailer.send(message()))).toMatchObject({
      code: 'recipient_refused',
      permanent: false,
    });
    catcher.setBehaviour('reject_permanent');
    expect(await failure(mailer.send(message()))).toMatchObject({
      code: 'recipient_refused',
      permanent: true,
    });
    catcher.setBehaviour('accept');
    await mailer.send(message());
    expect(received()).toHaveLength(1);
  });

  test('reports a temporary timeout for an unresponsive server', async () => {
    await mailer.close();
    const timeoutMs = 500;
    mailer = mailerTo(catcher.smtpUrl, timeoutMs);
    catcher.setBehaviour('hang');
    const startedAtMs = Date.now();
    expect(await failure(mailer.send(message()))).toMatchObject({ code: 'timeout', permanent: false });
    // One silent step, not the deadline of the whole send.
    expect(Date.now() - startedAtMs).toBeLessThan(timeoutMs * 2.5);
  });

  test('fails queued mails behind hanging ones in bounded time', async () => {
    await mailer.close();
    const timeoutMs = 150;
    mailer = mailerTo(catcher.smtpUrl, timeoutMs);
    catcher.setBehaviour('hang');
    const startedAtMs = Date.now();
    // Five connections: without a deadline the last of these would wait twelve timeouts.
    const failures = await Promise.all(Array.from({ length: 60 }, () => failure(mailer.send(message()))));
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['timeout']));
    expect(Date.now() - startedAtMs).toBeLessThan(timeoutMs * 8);
  });

  test.each(['a fresh', 'a used'])(
    'reports a reply lost on %s connection as temporary and does not resend by itself',
    async (connection) => {
      if (connection === 'a used') {
        await mailer.send(message());
        await catcher.store.clear();
      }
      catcher.setBehaviour('drop_after_data');
      expect(await failure(mailer.send(message()))).toMatchObject({
        code: 'connection_failed',
        permanent: false,
      });
      expect(received()).toMatchObject([{ messageId: MESSAGE_ID }]);
      catcher.setBehaviour('accept');
      await mailer.send(message());
      expect(received().map(({ messageId }) => messageId)).toEqual([MESSAGE_ID, MESSAGE_ID]);
    },
  );

  test('reports an unreachable server as temporary', async () => {
    await catcher.close();
    const error = await failure(mailer.send(message()));
    expect(error).toMatchObject({ code: 'connection_failed', permanent: false });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('prevents header and recipient injection by names, subjects and header values', async () => {
    const attack = 'A\r\nBcc: x@y.example\r\n\r\n<p>body</p>';
    await mailer.send(
      message({
        to: { name: attack, address: 'ada@example.com' },
        subject: attack,
        headers: { 'X-Note': attack },
      }),
    );
    expect(received()[0]!.to.map(({ address }) => address)).toEqual(['ada@example.com']);
    const names = catcher.store.get(received()[0]!.id)!.headers.map(({ name }) => name.toLowerCase());
    expect(names).not.toContain('bcc');
    expect(names.filter((name) => name === 'to' || name === 'subject')).toEqual(['to', 'subject']);
    expect(received()[0]).toMatchObject({
      subject: 'A Bcc: x@y.example <p>body</p>',
      text: expect.stringMatching(/^Thank you\s*$/),
    });
  });

  test.each([
    'ada@example.com\r\nBcc: x@y.example',
    'ada@example.com, x@y.example',
    '<ada@example.com>',
    'ada@example.com> NOTIFY=NEVER',
    '"a b"@example.com',
    'ada',
    '',
    `${'a'.repeat(300)}@example.com`,
  ])('rejects the address %j permanently and sends nothing', async (address) => {
    expect(await failure(mailer.send(message({ to: { name: '', address } })))).toMatchObject({
      code: 'invalid_address',
      permanent: true,
    });
    expect(received()).toEqual([]);
  });

  test.each([
    { headers: { Bcc: 'x@y.example' } },
    { headers: { 'X-A\r\nBcc': 'x@y.example' } },
    { headers: { 'message-id': '<other@shop.example>' } },
    { messageId: '<a@b>\r\nBcc: x@y.example' },
  ])('rejects %j permanently', async (changes) => {
    expect(await failure(mailer.send(message(changes)))).toMatchObject({
      code: 'invalid_message',
      permanent: true,
    });
  });

  test('sends nothing after close', async () => {
    await mailer.close();
    expect(await failure(mailer.send(message()))).toMatchObject({ code: 'closed', permanent: false });
  });

  test('completes deliveries in progress on close', async () => {
    await mailer.send(message());
    let delivered = false;
    const sending = mailer.send(message()).then(() => {
      delivered = true;
    });
    // Two turns of the event loop: the pool hands a mail to its connection in the turn after it took it.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    await mailer.close();
    expect(delivered).toBe(true);
    await sending;
    expect(received()).toHaveLength(2);
  });
});

describe('pooled connections', () => {
  const sockets = new Set<net.Socket>();
  let server: SMTPServer;
  let mailer: Mailer;
  let delivered: number;
  let connections: number;
  /** Called when a mail begins, and before the reply to its data. */
  let onMailFrom: () => void;
  let onData: () => Promise<void>;

  beforeEach(async () => {
    [delivered, connections] = [0, 0];
    onMailFrom = () => undefined;
    onData = async () => undefined;
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      onMailFrom: (_address, _session, callback) => {
        onMailFrom();
        callback();
      },
      onData: (stream, _session, callback) => {
        stream.resume();
        stream.on('end', () => {
          onData().then(() => {
            delivered += 1;
            callback();
          }, callback);
        });
      },
    });
    server.on('error', () => undefined);
    server.server.on('connection', (socket: net.Socket) => {
      connections += 1;
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mailer = mailerTo(`smtp://127.0.0.1:${(server.server.address() as net.AddressInfo).port}`);
  });
  afterEach(async () => {
    await mailer.close();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  const closeConnections = (farewell?: string) => {
    for (const socket of sockets) {
      if (farewell === undefined) socket.destroy();
      else socket.end(farewell);
    }
  };
  const allClosed = () => eventually('all connections closed', () => sockets.size === 0);

  test('are reused for many mails', async () => {
    for (let n = 0; n < 20; n += 1) await mailer.send(message());
    expect([delivered, connections]).toEqual([20, 1]);
  });

  test('a mail after the server closed the idle connection is delivered once, over a new one', async () => {
    await mailer.send(message());
    closeConnections('421 4.4.2 idle for too long\r\n');
    await allClosed();
    await mailer.send(message());
    expect([delivered, connections]).toEqual([2, 2]);
  });

  test('a mail that the server drops before its data is delivered once, over a new connection', async () => {
    await mailer.send(message());
    onMailFrom = () => {
      onMailFrom = () => undefined;
      closeConnections();
    };
    await mailer.send(message());
    expect([delivered, connections]).toEqual([2, 2]);
  });

  test('close completes the mails in delivery and fails the queued ones', async () => {
    const replies: (() => void)[] = [];
    onData = () => new Promise((resolve) => replies.push(resolve));
    const [busy, waiting] = [MAX_CONNECTIONS, 7];
    const outcomes = Promise.all(
      Array.from({ length: busy + waiting }, () =>
        mailer.send(message()).then(
          () => 'sent',
          (error: MailError) => error.code,
        ),
      ),
    );
    await eventually('mails on all connections', () => replies.length === busy);

    const closed = mailer.close();
    for (const reply of replies) reply();
    await closed;

    const codes = await outcomes;
    expect(codes.filter((code) => code === 'sent')).toHaveLength(busy);
    expect(codes.filter((code) => code === 'closed')).toHaveLength(waiting);
    expect(delivered).toBe(busy);
    await allClosed();
  });
});

describe('error messages', () => {
  test('omit user and password after a failed login', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.write('220 hello\r\n');
      socket.on('data', (data) => {
        const line = data.toString();
        if (line.startsWith('EHLO')) socket.write('250-hello\r\n250 AUTH PLAIN\r\n');
        else if (line.startsWith('AUTH')) socket.write('535 5.7.8 user s3cret! rejected\r\n');
        else socket.write('221 bye\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const mailer = mailerTo(`smtp://shop-user:s3cret%21@127.0.0.1:${port}?requireTLS=false`);
    const error = await failure(mailer.send(message()));
    await mailer.close();
    await new Promise((resolve) => server.close(resolve));
    expect(error).toMatchObject({ code: 'login_failed', permanent: false });
    expect(error.message).toContain('535 5.7.8');
    expect(inspect(error)).not.toMatch(/s3cret|shop-user/);
  });

  test('a password is never sent without TLS unless the URL allows it', async () => {
    const catcher = await createMailCatcher({ smtpPort: 0, httpPort: 0, host: '127.0.0.1' });
    const mailer = mailerTo(catcher.smtpUrl.replace('smtp://', 'smtp://user:s3cret@'));
    try {
      const error = await failure(mailer.send(message()));
      expect(error).toMatchObject({ code: 'connection_failed', permanent: false });
      expect(inspect(error)).not.toContain('s3cret');
    } finally {
      await mailer.close();
      await catcher.close();
    }
  });

  test.each([
    'smtp://user:s3cret@',
    'http://user:s3cret@host',
    'user:s3cret',
    'smtp://u:s3cret%@h',
    'smtp://u:s3cret@h?x=1',
  ])('omit the invalid URL %j', (smtpUrl) => {
    const attempt = () => createSmtpMailer({ smtpUrl, from: 'a@b.example', timeoutMs: 1 });
    expect(attempt).toThrow(RangeError);
    try {
      attempt();
    } catch (error) {
      expect(inspect(error)).not.toContain('s3cret');
    }
  });
});

describe('Message-IDs', () => {
  test('are stable per notification and legal', () => {
    expect(MESSAGE_ID).toBe('<ntf.email.ord_01ARZ3NDEKTSV4RRFFQ69G5FAV.confirmed@shop.example>');
    expect(toMessageId(NOTIFICATION, 'shop.example')).toBe(MESSAGE_ID);
  });

  test('differ for different notifications and are legal for any id', () => {
    const ids = [
      'a:b',
      'a.b',
      'a::b',
      ':a:b',
      'a:b:',
      'a b',
      'a=3Ab',
      'a<b>',
      'a@b',
      'a\r\nb',
      'é',
      ':',
      '.',
      'a=b',
    ];
    const messageIds = ids.map((id) => toMessageId(id, 'shop.example'));
    expect(new Set(messageIds).size).toBe(ids.length);
    const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    for (const id of messageIds) expect(id).toMatch(new RegExp(`^<${atom}(\\.${atom})*@shop\\.example>$`));
  });

  test('require an id and a valid domain', () => {
    expect(() => toMessageId('', 'shop.example')).toThrow(RangeError);
    expect(() => toMessageId('a', 'shop.example>\r\n')).toThrow(RangeError);
  });
});
