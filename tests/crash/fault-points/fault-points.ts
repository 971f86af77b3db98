import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { OrderWorkflows } from '../../../integrations/temporal/order-workflows';
import { createActivitiesByQueue, type WorkerDependencies } from '../../../workers/run-workers';
import { type FaultPoint, ORDER_START } from './fault-point-switch';

const ROOT = resolve(__dirname, '../../..');

/** Source files without tests and benchmarks. */
const listSourceFiles = (): string[] =>
  execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', ':!tests', ':!bench', ':!*.test.ts'],
    { cwd: ROOT, encoding: 'utf8' },
  )
    .split('\n')
    .filter((file) => file !== '');

/** `file:line` of every match in the sources; the line is that of its last character. */
export function findCallSites(pattern: RegExp): string[] {
  return listSourceFiles().flatMap((file) => {
    const source = readFileSync(join(ROOT, file), 'utf8');
    return [...source.matchAll(pattern)].map(
      (match) => `${file}:${source.slice(0, match.index + match[0].length).split('\n').length}`,
    );
  });
}

/** Names of the activities of all workers. Empty dependencies suffice, as no activity runs. */
function listActivityNames(): string[] {
  const dependencies = { store: {}, notification: {} } as WorkerDependencies;
  return Object.values(createActivitiesByQueue(dependencies, {} as OrderWorkflows)).flatMap((activities) =>
    Object.keys(activities),
  );
}

/** The start of an order, every activity of the workers and every transaction in the sources. */
export const FAULT_POINT_OPERATIONS: readonly string[] = [
  ORDER_START,
  ...listActivityNames().map((name) => `activity ${name}`),
  ...findCallSites(/\bdb\s*\.\s*write\w*/g).map((site) => `transaction ${site}`),
];

export const FAULT_POINTS: readonly FaultPoint[] = FAULT_POINT_OPERATIONS.flatMap((subject): FaultPoint[] => [
  `${subject} before`,
  `${subject} after`,
]);
