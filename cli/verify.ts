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
/** Some statements read every event. */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

/** `verify [--json] [ord_… …]`: exits with 0 without findings, 1 with findings, 2 when verification is not possible. */
async function main(args: string[]): Promise<number> {
  const json = args.includes('--json');
  const ids = [...new Set(args.filter((arg) => arg !== '--json'))];
  const invalid = ids.filter((id) => !isOrderId(id));
  if (invalid.length > 0) throw new Error(`not an order id: ${invalid.join(', ')}`);

  const config = loadLocalConfig();
  const db = connect({
    url: config.databaseUrl,
    poolSize: 10,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const temporal = createTemporalClient(config.temporal);
  const print = (text: string) => process.stdout.write(`${text}\n`);
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
        print(json ? JSON.stringify(finding) : `${finding.check}  ${finding.subject}: ${finding.detail}`),
      ids.length > 0 ? ids : undefined,
    );
    const agrees = verified.findings === 0;
    print(
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

/** Checks the dependencies first, because driver errors are hard to read. @throws Error of one sentence. */
async function assertReachable(db: Database, temporal: Client, config: Config): Promise<void> {
  await select(db, 'SELECT 1 AS up').catch((cause: Error) => {
    throw new Error(`the database is unavailable: ${cause.message}`);
  });
  if (await isTemporalReady(temporal)) return;
  const { address, namespace } = config.temporal;
  throw new Error(`Temporal is unavailable at ${address}, or has no namespace ${namespace}`);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `Verification is not possible: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exit(2);
  },
);
