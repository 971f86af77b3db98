import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { compile } from '../dev/compile';
import { exitWithParent } from '../dev/launcher/watchdog';
import { closeConnections } from './harness/http';
import { type BenchmarkResult, formatResult, type Measurement, toBenchmarkResult } from './harness/results';
import { type Dialect, listDialects, type Servers, startServers } from './harness/servers';
import { measureImports } from './scenarios/imports';
import { measureLists } from './scenarios/lists';
import { measureOpenOrders } from './scenarios/open-orders';
import { measureOrders } from './scenarios/orders';
import { measureOverload } from './scenarios/overload';
import { measureReads } from './scenarios/reads';
import { measureSearch } from './scenarios/search';
import { measureStart } from './scenarios/start';

type Benchmark = (servers: Servers, client: Client, report: (measure: Measurement) => void) => Promise<void>;

/** In this order: later ones leave more behind. */
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

/** Inside the project, where its packages are found. */
const DIST = resolve(__dirname, '../.cache', `bench-${process.pid}`);

const USAGE = `usage: npm run bench [-- [--json] [--database sqlite|mysql] [--only ${[...Object.keys(BENCHMARKS), START_BENCHMARK].join(',')}]]`;

async function main(args: string[]): Promise<void> {
  const { json, databases, only } = parseArguments(args);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const figures: BenchmarkResult[] = [];
  const reportFor = (dialect: Dialect) => (measure: Measurement) => {
    const figure = toBenchmarkResult(dialect, measure);
    if (figure === null) return;
    figures.push(figure);
    if (json) say(formatResult(figure));
    else process.stdout.write(`${formatResult(figure)}\n`);
  };
  if (only.includes(START_BENCHMARK) && databases.includes('sqlite')) await measureStart(reportFor('sqlite'));
  const sections = Object.entries(BENCHMARKS).filter(([name]) => only.includes(name));
  if (sections.length > 0) {
    say('compiling');
    await compile(DIST, 'bench/tsconfig.json');
  }
  try {
    for (const dialect of sections.length > 0 ? databases : []) {
      say(`${dialect}: starting`);
      const servers = await startServers(dialect, DIST);
      const client = new Client({
        connection: await Connection.connect({ address: servers.temporalAddress }),
      });
      try {
        for (const [, measure] of sections) await measure(servers, client, reportFor(dialect));
      } finally {
        closeConnections();
        await client.connection.close();
        await servers.stop();
      }
    }
  } finally {
    rmSync(DIST, { recursive: true, force: true });
  }
  if (json) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
}

/** @throws Error with the usage. */
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
