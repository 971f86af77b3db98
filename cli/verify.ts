import type { Client } from '@temporalio/client';
import type { Config } from '../config/config';
import { loadLocalConfig } from '../config/local-config';
import { connect, type Database } from '../db/core/connect';
import { select } from '../db/core/sql';
import { createStore } from '../db/core/store';
import { createStockVerificationReader } from '../db/verification/stock-verification-reader';
import { createVerificationReader } from '../db/verification/verification-reader';
import { isOrderId } from '../domain/shared/ids';
import { createStripeProvider } from '../integrations/stripe/stripe';
import { createTemporalClient, isTemporalReady } from '../integrations/temporal/connect';
import { verify } from '../verification/verify';
import { getTaskQueues } from '../workflows/shared/task-queues';

const PROVIDER_TIMEOUT_MS = 10_000;
/** Some of its statements go through every event there is. */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

/** `verify [--json] [ord_… …]`: exit code 0 when everything agrees, 1 when something differs, 2 when it could not look. */
async function main(args: string[]): Promise<number> {
  const json = args.includes('--json');
  const ids = [...new Set(args.filter((arg) => arg !== '--json'))];
  const wrong = ids.filter((id) => !isOrderId(id));
  if (wrong.length > 0) throw new Error(`not the id of an order: ${wrong.join(', ')}`);

  const config = loadLocalConfig();
  const db = connect({
    url: config.databaseUrl,
    poolSize: 10,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const temporal = createTemporalClient(config.temporal);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  try {
    await assertReachable(db, temporal, config);
    const verified = await verify(
      {
        store: createStore(db, config.keys.audit),
        reads: createVerificationReader(db),
        stockReads: createStockVerificationReader(db),
        auditKey: config.keys.audit,
        provider: createStripeProvider({
          apiKey: config.payment.apiKey,
          baseUrl: config.payment.apiUrl,
          timeoutMs: PROVIDER_TIMEOUT_MS,
        }),
        temporal,
        taskQueue: getTaskQueues(config.queues.layout, config.queues.prefix).orders,
      },
      (finding) =>
        say(json ? JSON.stringify(finding) : `${finding.check}  ${finding.subject}: ${finding.detail}`),
      ids.length > 0 ? ids : undefined,
    );
    const agrees = verified.findings === 0;
    say(
      json
        ? JSON.stringify({ ...verified, agrees })
        : `${verified.orders} orders, ${verified.streams} streams: ${agrees ? 'history, log, money and stock agree' : `${verified.findings} findings`}`,
    );
    return agrees ? 0 : 1;
  } finally {
    await temporal.connection.close();
    await db.close();
  }
}

/** What went wrong deep in a driver says little: the parts are tried first. @throws Error of one sentence. */
async function assertReachable(db: Database, temporal: Client, config: Config): Promise<void> {
  await select(db, 'SELECT 1 AS up').catch((cause: Error) => {
    throw new Error(`the database does not answer: ${cause.message}`);
  });
  if (await isTemporalReady(temporal)) return;
  const { address, namespace } = config.temporal;
  throw new Error(`Temporal does not answer at ${address}, or has no namespace ${namespace}`);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `It could not be verified: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exit(2);
  },
);
