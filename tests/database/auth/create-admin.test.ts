import { execFile } from 'node:child_process';
import { parseConfig } from '../../../config/config';
import { select } from '../../../db/core/sql';
import {
  createDevelopmentAccounts,
  deriveDevelopmentPassword,
} from '../../../dev/launcher/development-accounts';
import { buildScriptCommand } from '../../../dev/launcher/supervisor';
import { createPasswords } from '../../../services/auth/passwords';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const AUDIT_KEY = 'ab'.repeat(32);

interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

describe.each(DIALECTS)('accounts of those who run the shop, on %s', (dialect) => {
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
    return new Promise((settle) => {
      const child = execFile(command, script, { env }, (_, stdout, stderr) =>
        settle({ code: child.exitCode ?? -1, stdout, stderr }),
      );
      child.stdin?.end(stdin);
    });
  };
  const admin = (email: string) => shop.store.accounts.findByEmail(email);
  const passes = async (email: string, password: string) =>
    (await createPasswords().verify((await admin(email))?.passwordHash ?? null, password)) === 'valid';

  test('an admin is made with a password that is shown once; the second time nothing changes', async () => {
    const made = await createAdmin(['--email', 'Ada@Example.com']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const password = /shown this once: (\S+)\n/.exec(made.stdout)?.[1] ?? '';
    expect(password).toHaveLength(20);
    expect((await admin('ada@example.com'))?.role).toBe('admin');
    expect(await passes('ada@example.com', password)).toBe(true);
    const again = await createAdmin(['--email', 'ada@example.com']);
    expect(again).toEqual({ code: 0, stderr: '', stdout: expect.stringContaining('already') });
    expect(await passes('ada@example.com', password)).toBe(true);
  });

  test('the password can come from standard input, and is never printed then', async () => {
    const made = await createAdmin(['--email', 'bob@example.com', '--password-stdin'], 'analytical engine\n');
    expect(made.code).toBe(0);
    expect(made.stdout).not.toMatch(/engine|Password/);
    expect(await passes('bob@example.com', 'analytical engine')).toBe(true);
  });

  test.each([
    ['no address', [], ''],
    ['an address that is none', ['--email', 'ada'], ''],
    ['an address with which nobody can log in', ['--email', 'ada@localhost'], ''],
    ['a password that is too short', ['--email', 'eve@example.com', '--password-stdin'], 'short'],
    ['a password that all know', ['--email', 'eve@example.com', '--password-stdin'], 'password123'],
    ['an unknown option', ['--role', 'admin'], ''],
  ])('%s is refused in a sentence', async (_, args, stdin) => {
    const { code, stdout, stderr } = await createAdmin(args, stdin);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim()).toMatch(/^[A-Z].*$/);
    expect(await admin('eve@example.com')).toBeNull();
  });

  test('a demo has an account of each role, and keeps them at its next start', async () => {
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
    expect(await passes('support@orders.example', deriveDevelopmentPassword(AUDIT_KEY))).toBe(true);
    expect(deriveDevelopmentPassword('cd'.repeat(32))).not.toBe(deriveDevelopmentPassword(AUDIT_KEY));
    await createDevelopmentAccounts(config, deriveDevelopmentPassword(AUDIT_KEY));
    expect(await rows()).toEqual(before);
  });
});
