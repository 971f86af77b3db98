import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { OrderWorkflows } from '../../../integrations/temporal/order-workflows';
import { activitiesByQueue, type WorkerParts } from '../../../workers/workers';
import type { FaultPoint } from './fault-point-switch';

const ROOT = resolve(__dirname, '../../..');

/** What is run in production: tests and the bench do not count. */
const sources = (): string[] =>
  execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', ':!tests', ':!bench', ':!*.test.ts'],
    { cwd: ROOT, encoding: 'utf8' },
  )
    .split('\n')
    .filter((file) => file !== '');

/** `file:line` of everything in the sources that the pattern matches; the line is that of its last character. */
export function callSites(pattern: RegExp): string[] {
  return sources().flatMap((file) => {
    const source = readFileSync(join(ROOT, file), 'utf8');
    return [...source.matchAll(pattern)].map(
      (match) => `${file}:${source.slice(0, match.index + match[0].length).split('\n').length}`,
    );
  });
}

/** The activities of all workers. Only their names are asked for, so they get nothing to work with. */
function activityNames(): string[] {
  const nothing = { store: {}, notification: {} } as WorkerParts;
  return Object.values(activitiesByQueue(nothing, {} as OrderWorkflows)).flatMap((activities) =>
    Object.keys(activities),
  );
}

/** Every activity that a worker runs and every transaction that the sources begin. */
export const SUBJECTS: readonly string[] = [
  ...activityNames().map((name) => `activity ${name}`),
  ...callSites(/\bdb\s*\.\s*write\w*/g).map((site) => `transaction ${site}`),
];

export const FAULT_POINTS: readonly FaultPoint[] = SUBJECTS.flatMap((subject): FaultPoint[] => [
  `${subject} before`,
  `${subject} after`,
]);
