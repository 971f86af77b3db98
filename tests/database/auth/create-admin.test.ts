import { execFile } from 'node:child_process';
import { parseConfig } from '../../../config/config';
import { select } from '../../../db/core/sql';
import {
  createDevelopmentAccounts,
  deriveDevelopmentPassword,
} from '../../../dev/launcher/development-accounts';
import { buildScriptCommand } from '../../../dev/launcher/supervisor';
import { createPasswords } from '../../../services/auth/passwords/passwords';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const AUDIT_KEY = 'ab'.repeat(32);

interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

describe.each(DIALECTS)('staff accounts on %s', (dialect) => {
  let shop: TestStore;
  let env: Record<string, string>;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    env = {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: shop.url,
      STRIPE_API_KEY: 'sk_test_x',
      SMTP_URL: 'smtp://127.0.0.1:1',
      AUDIT_KEY,
    };
  });
  afterAll(() => shop?.close());

  const createAdmin = (args: string[], stdin = ''): Promise<CommandResult> => {
    const { command, args: script } = buildScriptCommand('cli/create-admin.ts', ...args);
    return new Promise((resolve) => {
      const child = execFile(command, script, { env }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
      child.stdin?.end(stdin);
    });
  };
  const admin = (email: string) => shop.store.accounts.findByEmail(email);
  const isValidPassword = async (email: string, password: string) =>
    (await createPasswords().verify((await admin(email))?.passwordHash ?? null, password)) === 'valid';

  test('create-admin prints a generated password once; a second run changes nothing', async () => {
    const first = await createAdmin(['--email', 'Ada@Example.com']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const password = /shown only once\): (\S+)\n/.exec(first.stdout)?.[1] ?? '';
    expect(password).toHaveLength(20);
    expect((await admin('ada@example.com'))?.role).toBe('admin');
    expect(await isValidPassword('ada@example.com', password)).toBe(true);
    const second = await createAdmin(['--email', 'ada@example.com']);
    expect(second).toEqual({ code: 0, stderr: '', stdout: expect.stringContaining('already') });
    expect(await isValidPassword('ada@example.com', password)).toBe(true);
  });

  test('create-admin reads the password from standard input without printing it', async () => {
    const result = await createAdmin(
      ['--email', 'bob@example.com', '--password-stdin'],
      'analytical engine\n',
    );
    expect(result.code).toBe(0);
    expect(result.stdout).not.toMatch(/engine|Password/);
    expect(await isValidPassword('bob@example.com', 'analytical engine')).toBe(true);
  });

  test.each([
    ['a missing email address', [], ''],
    ['an invalid email address', ['--email', 'ada'], ''],
    ['an email address that cannot log in', ['--email', 'ada@localhost'], ''],
    ['a password that is too short', ['--email', 'eve@example.com', '--password-stdin'], 'short'],
    ['a common password', ['--email', 'eve@example.com', '--password-stdin'], 'password123'],
    ['an unknown option', ['--role', 'admin'], ''],
  ])('create-admin rejects %s with a one-line error', async (_, args, stdin) => {
    const { code, stdout, stderr } = await createAdmin(args, stdin);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim()).toMatch(/^[A-Z].*$/);
    expect(await admin('eve@example.com')).toBeNull();
  });

  test('the development environment has an account of each role and reuses it on the next start', async () => {
    const config = parseConfig(env);
    await createDevelopmentAccounts(config, deriveDevelopmentPassword(AUDIT_KEY));
    const rows = () =>
      select<{ role: string }>(
        shop.db,
        'SELECT customer_id, role, password_hash FROM accounts ORDER BY customer_id',
      );
    const before = await rows();
    expect(new Set(before.map(({ role }) => role))).toEqual(
      new Set(['customer', 'support', 'warehouse', 'admin']),
    );
    expect(await isValidPassword('support@orders.example', deriveDevelopmentPassword(AUDIT_KEY))).toBe(true);
    expect(deriveDevelopmentPassword('cd'.repeat(32))).not.toBe(deriveDevelopmentPassword(AUDIT_KEY));
    await createDevelopmentAccounts(config, deriveDevelopmentPassword(AUDIT_KEY));
    expect(await rows()).toEqual(before);
  });
});
