import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadMailCatcherConfig } from '../../config/mail-catcher';
import { createSmtpMailer } from '../../integrations/smtp/mailer';
import { createMailCatcher, type MailCatcher, type MailCatcherOptions } from './catcher';
import type { CaughtMessage } from './message';

interface PageOfMessages {
  data: CaughtMessage[];
  nextCursor: string | null;
}

const catchers: MailCatcher[] = [];
const directories: string[] = [];
const children: ChildProcess[] = [];

async function start(options: Partial<MailCatcherOptions> = {}): Promise<MailCatcher> {
  const catcher = await createMailCatcher({ smtpPort: 0, httpPort: 0, host: '127.0.0.1', ...options });
  catchers.push(catcher);
  return catcher;
}

async function createDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'mail-catcher-'));
  directories.push(directory);
  return directory;
}

async function sendMails(
  catcher: MailCatcher,
  subjects: string[],
  overrides: { address?: string; html?: string } = {},
): Promise<void> {
  const mailer = createSmtpMailer({
    smtpUrl: catcher.smtpUrl,
    from: 'Shop <shop@shop.example>',
    timeoutMs: 2000,
  });
  try {
    for (const subject of subjects) {
      await mailer.send({
        to: { name: 'Ada', address: overrides.address ?? 'ada@example.com' },
        subject,
        html: overrides.html ?? `<p>${subject}</p>`,
        text: subject,
        messageId: `<${subject}@shop.example>`,
      });
    }
  } finally {
    await mailer.close();
  }
}

const get = async (catcher: MailCatcher, target: string): Promise<PageOfMessages> => {
  const response = await fetch(catcher.httpUrl + target);
  expect(response.status).toBe(200);
  return (await response.json()) as PageOfMessages;
};
const subjects = ({ data }: PageOfMessages): string[] => data.map(({ subject }) => subject);

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(catchers.splice(0).map((catcher) => catcher.close()));
  await Promise.all(
    directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })),
  );
});

test('lists mails newest first, by recipient and in pages', async () => {
  const catcher = await start();
  await sendMails(catcher, ['one', 'two', 'three']);
  await sendMails(catcher, ['other'], { address: 'Grace@Example.com' });
  expect(subjects(await get(catcher, '/messages'))).toEqual(['other', 'three', 'two', 'one']);
  expect(subjects(await get(catcher, '/messages?to=grace@example.com'))).toEqual(['other']);
  const first = await get(catcher, '/messages?to=ada@example.com&limit=2');
  expect(subjects(first)).toEqual(['three', 'two']);
  const second = await get(catcher, `/messages?to=ada@example.com&limit=2&cursor=${first.nextCursor}`);
  expect(subjects(second)).toEqual(['one']);
  expect(second.nextCursor).toBeNull();
});

test('returns a mail by its id', async () => {
  const catcher = await start();
  await sendMails(catcher, ['one']);
  const [message] = (await get(catcher, '/messages')).data;
  const response = await fetch(`${catcher.httpUrl}/messages/${message!.id}`);
  expect(await response.json()).toEqual({
    id: message!.id,
    messageId: '<one@shop.example>',
    from: { name: 'Shop', address: 'shop@shop.example' },
    to: [{ name: 'Ada', address: 'ada@example.com' }],
    subject: 'one',
    date: expect.stringMatching(/^\d{4}-.*Z$/),
    text: expect.stringContaining('one'),
    html: expect.stringContaining('<p>one</p>'),
    receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test('reads the recipients from the envelope, not from the headers', async () => {
  const catcher = await start();
  const headers = [
    'Delivered-To: forged@b.example',
    'To: "Ada" <ada@b.example>, shown@b.example',
    'Subject: s',
  ];
  await catcher.store.add(Buffer.from(`${headers.join('\r\n')}\r\n\r\nhi\r\n`), {
    from: 'shop@b.example',
    to: ['Ada@B.example', 'blind@b.example'],
  });
  expect((await get(catcher, '/messages')).data[0]!.to).toEqual([
    { name: 'Ada', address: 'ada@b.example' },
    { name: '', address: 'blind@b.example' },
  ]);
});

test('stores mails across restarts until they are deleted', async () => {
  const directory = await createDirectory();
  const before = await start({ directory });
  await sendMails(before, ['one', 'two']);
  const stored = await get(before, '/messages');
  await before.close();
  await writeFile(path.join(directory, '01ARZ3NDEKTSV4RRFFQ69G5FAV.part'), 'Subject: incomplete');

  const after = await start({ directory });
  expect(await get(after, '/messages')).toEqual(stored);
  expect(await readdir(directory)).toHaveLength(2);
  await sendMails(after, ['three']);
  expect(subjects(await get(after, '/messages'))).toEqual(['three', 'two', 'one']);

  expect((await fetch(`${after.httpUrl}/messages`, { method: 'DELETE' })).status).toBe(204);
  expect(await get(after, '/messages')).toEqual({ data: [], nextCursor: null });
  expect(await readdir(directory)).toEqual([]);
});

test('evicts the oldest mails beyond the limit, also from the disk', async () => {
  const directory = await createDirectory();
  const catcher = await start({ directory, maxMessages: 3 });
  await sendMails(catcher, ['one', 'two', 'three', 'four', 'five']);
  expect(subjects(await get(catcher, '/messages'))).toEqual(['five', 'four', 'three']);
  expect(await readdir(directory)).toHaveLength(3);
  await catcher.close();
  const smaller = await start({ directory, maxMessages: 1 });
  expect(subjects(await get(smaller, '/messages'))).toEqual(['five']);
  expect(await readdir(directory)).toHaveLength(1);
});

test('rejects a mail larger than 5 MB', async () => {
  const catcher = await start();
  await expect(sendMails(catcher, ['big'], { html: 'x'.repeat(6 * 1024 * 1024) })).rejects.toMatchObject({
    permanent: true,
  });
  expect((await get(catcher, '/messages')).data).toEqual([]);
});

test('sets the behaviour over HTTP and rejects unknown behaviours', async () => {
  const catcher = await start();
  const set = (body: string, type = 'application/json') =>
    fetch(`${catcher.httpUrl}/behaviour`, { method: 'POST', headers: { 'content-type': type }, body });
  expect(await (await set('{"mode":"reject_permanent"}')).json()).toEqual({ mode: 'reject_permanent' });
  await expect(sendMails(catcher, ['one'])).rejects.toMatchObject({ permanent: true });
  expect((await set('{"mode":"explode"}')).status).toBe(400);
  expect((await set('{')).status).toBe(400);
  expect((await set('{"mode":"accept"}', 'text/plain')).status).toBe(415);
  expect(await (await fetch(`${catcher.httpUrl}/behaviour`)).json()).toEqual({ mode: 'reject_permanent' });
});

test('isolates the HTML of a mail from the page that embeds it', async () => {
  const catcher = await start();
  await sendMails(catcher, ['one'], {
    html: '<script>alert(2)</script><b>hi</b>',
  });
  const [message] = (await get(catcher, '/messages')).data;
  const page = await fetch(`${catcher.httpUrl}/mails/${message!.id}`);
  expect(await page.text()).toMatch(/<iframe [^>]*sandbox="allow-popups allow-popups-to-escape-sandbox"/);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const framed = await fetch(`${catcher.httpUrl}/mails/${message!.id}/html`);
  expect(await framed.text()).toContain('<b>hi</b>');
  const policy = framed.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toMatch(/; sandbox (?!.*allow-scripts)(?!.*allow-same-origin)/);
});

test('escapes the content of a mail on every page', async () => {
  const catcher = await start();
  await catcher.store.add(
    Buffer.from('Subject: <script>s</script>\r\nTo: "<i>" <a@b.example>\r\n\r\n<script>t</script>\r\n'),
    {
      from: '<script>f</script>',
      to: ['<script>r</script>@b.example'],
    },
  );
  const [message] = (await get(catcher, '/messages')).data;
  for (const target of [
    '/',
    ...['text', 'headers', 'raw', 'html'].map((view) => `/mails/${message!.id}?view=${view}`),
  ]) {
    const html = await (await fetch(catcher.httpUrl + target)).text();
    expect(html).toContain('&lt;script&gt;s&lt;/script&gt;');
    expect(html).not.toMatch(/<script>/);
  }
  const raw = await fetch(`${catcher.httpUrl}/mails/${message!.id}/raw`);
  expect(raw.headers.get('content-type')).toContain('text/plain');
  expect(raw.headers.get('x-content-type-options')).toBe('nosniff');
});

test('returns errors as problems', async () => {
  const catcher = await start();
  const status = async (target: string, init?: RequestInit) => {
    const response = await fetch(catcher.httpUrl + target, init);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    return response.status;
  };
  expect(await status('/messages/01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(404);
  expect(await status('/messages/..%2f..%2fetc')).toBe(404);
  expect(await status('/nowhere')).toBe(404);
  expect(await status('/messages?limit=0')).toBe(400);
  expect(await status('/messages?limit=9999')).toBe(400);
  expect(await status('/messages?cursor=x')).toBe(400);
  expect(await status('/messages', { method: 'PUT' })).toBe(405);
  expect((await fetch(`${catcher.httpUrl}/healthz`)).status).toBe(200);
});

test('fails with one sentence if a port is in use', async () => {
  const first = await start();
  const httpPort = Number(new URL(first.httpUrl).port);
  const smtpPort = Number(new URL(first.smtpUrl).port);
  await expect(start({ smtpPort })).rejects.toThrow(
    `The mail catcher cannot listen for SMTP on 127.0.0.1:${smtpPort}: the port is already in use.`,
  );
  await expect(start({ httpPort })).rejects.toThrow(
    `HTTP on 127.0.0.1:${httpPort}: the port is already in use.`,
  );
});

describe('the process', () => {
  const run = (env: Record<string, string>) => {
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(__dirname, 'main.ts')], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const output = { stdout: '', stderr: '' };
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
    const ready = new Promise<void>((resolve) =>
      child.stdout.on('data', (data: Buffer) => {
        output.stdout += data.toString();
        if (output.stdout.includes('\n')) resolve();
      }),
    );
    child.stderr.on('data', (data: Buffer) => {
      output.stderr += data.toString();
    });
    return { child, output, exited, ready };
  };

  test('logs its URLs, stops on SIGTERM, and fails with one sentence if a port is in use', async () => {
    const DATA_DIR = await createDirectory();
    const first = run({ MAIL_SMTP_PORT: '0', MAIL_UI_PORT: '0', DATA_DIR });
    await Promise.race([first.ready, first.exited]);
    const line = /^mail catcher listening: smtp:\/\/127\.0\.0\.1:(\d+) http:\/\/127\.0\.0\.1:\d+\n$/;
    expect(first.output).toEqual({ stdout: expect.stringMatching(line), stderr: '' });

    const usedPort = line.exec(first.output.stdout)![1]!;
    const second = run({ MAIL_SMTP_PORT: usedPort, MAIL_UI_PORT: '0', DATA_DIR });
    expect(await second.exited).toBe(1);
    expect(second.output).toEqual({
      stdout: '',
      stderr: `The mail catcher cannot listen for SMTP on 127.0.0.1:${usedPort}: the port is already in use.\n`,
    });

    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
  });
});

describe('the configuration', () => {
  test('has defaults', () => {
    expect(loadMailCatcherConfig({ MAIL_UI_PORT: '' })).toEqual({
      smtpPort: 1025,
      httpPort: 8025,
      host: '127.0.0.1',
      directory: path.join('.data', 'mail'),
    });
  });

  test('reports every invalid variable', () => {
    expect(() => loadMailCatcherConfig({ MAIL_SMTP_PORT: '70000', MAIL_UI_PORT: 'x' })).toThrow(
      /MAIL_SMTP_PORT.*70000.*MAIL_UI_PORT.*"x"/,
    );
  });
});
