import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { OrderWorkflows } from '../../../integrations/temporal/order-workflows';
import { createActivitiesByQueue, type WorkerDependencies } from '../../../workers/run-workers';
import type { FaultPoint } from './fault-point-switch';

const ROOT = resolve(__dirname, '../../..');

/** What is run in production: tests and the bench do not count. */
const listSourceFiles = (): string[] =>
  execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', ':!tests', ':!bench', ':!*.test.ts'],
    { cwd: ROOT, encoding: 'utf8' },
  )
    .split('\n')
    .filter((file) => file !== '');

/** `file:line` of everything in the sources that the pattern matches; the line is that of its last character. */
export function findCallSites(pattern: RegExp): string[] {
  return listSourceFiles().flatMap((file) => {
    const source = readFileSync(join(ROOT, file), 'utf8');
    return [...source.matchAll(pattern)].map(
      (match) => `${file}:${source.slice(0, match.index + match[0].length).split('\n').length}`,
    );
  });
}

/** The activities of all workers. Only their names are asked for, so they get nothing to work with. */
function listActivityNames(): string[] {
  const nothing = { store: {}, notification: {} } as WorkerDependencies;
  return Object.values(createActivitiesByQueue(nothing, {} as OrderWorkflows)).flatMap((activities) =>
    Object.keys(activities),
  );
}

/** Every activity that a worker runs and every transaction that the sources begin. */
export const FAULT_POINT_OPERATIONS: readonly string[] = [
  ...listActivityNames().map((name) => `activity ${name}`),
  ...findCallSites(/\bdb\s*\.\s*write\w*/g).map((site) => `transaction ${site}`),
];

export const FAULT_POINTS: readonly FaultPoint[] = FAULT_POINT_OPERATIONS.flatMap((subject): FaultPoint[] => [
  `${subject} before`,
  `${subject} after`,
]);
