import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { dieWithParent } from '../scripts/watchdog';
import { call, closeConnections } from './http';
import { type Measured, measure } from './load';
import { decided } from './reference-workflows';
import { type Dialect, dialects, type Servers, startServers } from './servers';

/** One figure beside its reference, measured in the same run on the same servers. */
interface Figure {
  database: Dialect;
  what: string;
  concurrency: number;
  ours: Measured;
  reference: string;
  theirs: Measured;
  /** Ours per second over theirs. */
  ratio: number;
}

const ORDERS: [concurrency: number, total: number][] = [
  [1, 60],
  [40, 600],
  [200, 800],
];
const READS: [concurrency: number, total: number] = [50, 4_000];

/** `bench [--json] [--database sqlite|mysql]` */
async function main(args: string[]): Promise<void> {
  const json = args.includes('--json');
  const only = args[args.indexOf('--database') + 1];
  const chosen = dialects().filter((d) => !args.includes('--database') || d === only);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const figures: Figure[] = [];
  for (const dialect of chosen) {
    say(`${dialect}: starting`);
    const servers = await startServers(dialect);
    const client = new Client({ connection: await Connection.connect({ address: servers.temporalAddress }) });
    try {
      const add = (figure: Omit<Figure, 'database' | 'ratio'>) => {
        const ratio = Math.round((100 * figure.ours.perSecond) / figure.theirs.perSecond) / 100;
        figures.push({ database: dialect, ...figure, ratio });
        say(describe({ database: dialect, ...figure, ratio }));
      };
      await orders(servers, client, add);
      await reads(servers, add);
    } finally {
      closeConnections();
      await client.connection.close();
      await servers.stop();
    }
  }
  process.stdout.write(
    json ? `${JSON.stringify(figures, null, 2)}\n` : `${figures.map(describe).join('\n')}\n`,
  );
}

type Add = (figure: Omit<Figure, 'database' | 'ratio'>) => void;

async function orders({ apiUrl, referenceQueue }: Servers, client: Client, add: Add): Promise<void> {
  let run = 0;
  for (const [concurrency, total] of ORDERS) {
    run += 1;
    const workflow = (name: string, n: number) => ({
      workflowId: `${name}-${run}-${n}`,
      taskQueue: referenceQueue,
      args: [],
    });
    const empty = await measure(concurrency, total, (n) =>
      client.workflow.execute('empty', workflow('empty', n)),
    );
    const shape = await measure(concurrency, total, (n) =>
      client.workflow.executeUpdateWithStart(decided, {
        startWorkflowOperation: new WithStartWorkflowOperation('shape', {
          ...workflow('shape', n),
          workflowIdConflictPolicy: 'FAIL',
        }),
      }),
    );
    const ours = await measure(concurrency, total, (n) =>
      call(`${apiUrl}/api/orders`, 201, orderBody(n), { 'idempotency-key': `bench-${run}-${n}` }),
    );
    add({ what: 'orders confirmed', concurrency, ours, reference: 'empty workflow', theirs: empty });
    add({ what: 'orders confirmed', concurrency, ours, reference: 'same shape, empty', theirs: shape });
  }
}

const orderBody = (n: number): string =>
  JSON.stringify({
    items: [{ sku: 'walnut-desk', quantity: 1 }],
    customer: { email: `c${n}@example.com`, name: 'Ada Byron' },
    shippingAddress: {
      name: 'Ada Byron',
      line1: '1 Main St',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    payment: { method: 'pm_card_visa' },
  });

async function reads({ apiUrl, bareUrl }: Servers, add: Add): Promise<void> {
  const { data } = JSON.parse(await call(`${apiUrl}/api/orders?limit=1`, 200)) as { data: { id: string }[] };
  const id = data[0]?.id;
  const pairs: [what: string, ours: string, theirs: string][] = [
    ['GET one order', `/api/orders/${id}`, `/orders/${id}`],
    ['GET list of orders', '/api/orders', '/orders'],
    ['GET list of products', '/api/products', '/products'],
  ];
  const [concurrency, total] = READS;
  for (const [what, path, barePath] of pairs) {
    const theirs = await measure(concurrency, total, () => call(`${bareUrl}${barePath}`, 200));
    const ours = await measure(concurrency, total, () => call(`${apiUrl}${path}`, 200));
    add({ what, concurrency, ours, reference: 'bare Express, same query', theirs });
  }
}

const describe = (f: Figure): string =>
  `${f.database.padEnd(6)} ${f.what.padEnd(20)} c=${String(f.concurrency).padEnd(3)} ${f.ours.perSecond}/s p50 ${f.ours.p50Ms} ms p99 ${f.ours.p99Ms} ms | ${f.reference}: ${f.theirs.perSecond}/s p50 ${f.theirs.p50Ms} ms | ratio ${f.ratio}`;

dieWithParent();
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
