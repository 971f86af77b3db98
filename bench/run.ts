import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { compile } from '../dev/compile';
import { exitWithParent } from '../dev/launcher/watchdog';
import { closeConnections } from './harness/http';
import { type BenchmarkResult, formatResult, type Reporter, toBenchmarkResult } from './harness/results';
import { type Dialect, listDialects, type Servers, startServers } from './harness/servers';
import { measureImports } from './scenarios/imports';
import { measureLists } from './scenarios/lists';
import { measureOpenOrders } from './scenarios/open-orders';
import { measureOrders } from './scenarios/orders';
import { measureOverload } from './scenarios/overload';
import { measureReads } from './scenarios/reads';
import { measureSearch } from './scenarios/search';
import { measureStart } from './scenarios/start';

type Benchmark = (servers: Servers, client: Client, report: Reporter) => Promise<void>;

/** Ordered by the amount of data that each leaves in the servers. */
const BENCHMARKS: Record<string, Benchmark> = {
  orders: measureOrders,
  reads: (servers, _, report) => measureReads(servers, report),
  overload: (servers, _, report) => measureOverload(servers, report),
  memory: (servers, _, report) => measureOpenOrders(servers, report),
  search: (servers, _, report) => measureSearch(servers, report),
  imports: (servers, _, report) => measureImports(servers, report),
  lists: (servers, _, report) => measureLists(servers, report),
};
const START_BENCHMARK = 'start';

/** Inside the project, so that Node resolves its packages. */
const DIST = resolve(__dirname, '../.cache', `bench-${process.pid}`);

const USAGE = `usage: npm run bench [-- [--json] [--database sqlite|mysql] [--only ${[...Object.keys(BENCHMARKS), START_BENCHMARK].join(',')}]]`;

async function main(args: string[]): Promise<void> {
  const { json, databases, only } = parseArguments(args);
  const logProgress = (text: string) => process.stderr.write(`${text}\n`);
  const results: BenchmarkResult[] = [];
  const createReporter =
    (dialect: Dialect): Reporter =>
    (measurement) => {
      const result = toBenchmarkResult(dialect, measurement);
      if (result === null) return;
      results.push(result);
      if (json) logProgress(formatResult(result));
      else process.stdout.write(`${formatResult(result)}\n`);
    };
  if (only.includes(START_BENCHMARK) && databases.includes('sqlite'))
    await measureStart(createReporter('sqlite'));
  const selected = Object.entries(BENCHMARKS).filter(([name]) => only.includes(name));
  if (selected.length > 0) {
    logProgress('compiling');
    await compile(DIST, 'bench/tsconfig.json');
  }
  try {
    for (const dialect of selected.length > 0 ? databases : []) {
      logProgress(`${dialect}: starting`);
      const servers = await startServers(dialect, DIST);
      const client = new Client({
        connection: await Connection.connect({ address: servers.temporalAddress }),
      });
      try {
        for (const [, measure] of selected) await measure(servers, client, createReporter(dialect));
      } finally {
        closeConnections();
        await client.connection.close();
        await servers.stop();
      }
    }
  } finally {
    rmSync(DIST, { recursive: true, force: true });
  }
  if (json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
}

/** @throws Error with the usage for an invalid argument. */
function parseArguments(args: string[]): { json: boolean; databases: Dialect[]; only: string[] } {
  let [json, databases, only] = [false, listDialects(), [...Object.keys(BENCHMARKS), START_BENCHMARK]];
  for (let rest = args; rest.length > 0; ) {
    const [option, value, ...others] = rest;
    if (option === '--json') {
      json = true;
      rest = rest.slice(1);
    } else if (option === '--database' && databases.some((d) => d === value)) {
      databases = databases.filter((d) => d === value);
      rest = others;
    } else if (option === '--only' && value?.split(',').every((name) => only.includes(name))) {
      only = value.split(',');
      rest = others;
    } else {
      throw new Error(USAGE);
    }
  }
  return { json, databases, only };
}

exitWithParent();
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
