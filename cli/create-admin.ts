import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { loadLocalConfig } from '../config/local-config';
import { connect } from '../db/core/connect';
import { createStore } from '../db/core/store';
import { isEmailAddress, normalizeEmailAddress } from '../domain/shared/email-address';
import { AppError } from '../domain/shared/errors';
import {
  createPasswords,
  MAX_PASSWORD_LENGTH,
  MIN_PASSWORD_LENGTH,
} from '../services/auth/passwords/passwords';
import { ensureAccount } from '../services/auth/roles';

const USAGE = 'npm run create-admin -- --email ada@example.com [--password-stdin]';
const GENERATED_PASSWORD_BYTES = 15;

/**
 * Creates the first admin, who can create others. The password is read from standard input, or generated and printed
 * once. An existing account becomes admin and keeps its password.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { email: { type: 'string' }, 'password-stdin': { type: 'boolean', default: false } },
  });
  // The rule of the API: an address that it rejects could not log in.
  const email = normalizeEmailAddress(values.email ?? '');
  if (!isEmailAddress(email)) throw new Error(`An email address is required: ${USAGE}`);
  const enteredPassword = values['password-stdin']
    ? (await text(process.stdin)).replace(/\r?\n$/, '')
    : undefined;
  const password = enteredPassword ?? randomBytes(GENERATED_PASSWORD_BYTES).toString('base64url');
  if (password.length < MIN_PASSWORD_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
    throw new Error(`The password must have ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`);
  }
  const config = loadLocalConfig();
  const db = connect({ url: config.databaseUrl, poolSize: 2 });
  try {
    const auth = {
      store: createStore(db, config.keys.audit),
      passwords: createPasswords(),
      now: Date.now,
    };
    const outcome = await ensureAccount(auth, { email, password, name: null, role: 'admin' });
    process.stdout.write(`${describeOutcome(email, outcome)}\n`);
    if (outcome === 'created' && enteredPassword === undefined) {
      process.stdout.write(`Password (shown only once): ${password}\n`);
    }
  } finally {
    await db.close();
  }
}

function describeOutcome(email: string, outcome: 'created' | 'changed' | 'unchanged'): string {
  switch (outcome) {
    case 'created':
      return `Created the admin ${email}.`;
    case 'changed':
      return `${email} is now an admin. The password is unchanged.`;
    case 'unchanged':
      return `${email} is already an admin. Nothing was changed.`;
  }
}

/** Formats the field errors of a failure as one sentence. */
const formatError = (error: unknown): string =>
  error instanceof AppError && error.extensions.errors !== undefined
    ? `The password ${error.extensions.errors.map(({ detail }) => detail).join(', ')}.`
    : error instanceof Error
      ? error.message
      : String(error);

main().catch((error: unknown) => {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
});
