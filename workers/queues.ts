import type { QueueLayout, TaskQueues } from '../workflows/shared/task-queues';

export type QueueName = keyof TaskQueues;

export const ALL_QUEUES: readonly QueueName[] = ['orders', 'payments', 'notifications'];

const isQueue = (name: string): name is QueueName => (ALL_QUEUES as readonly string[]).includes(name);

/**
 * Parses `--queues orders,payments`; the default is all queues.
 * @throws Error if a queue is unknown, or if the layout is `single` and some queues are left out: the worker would
 *   receive tasks it has no activities for.
 */
export function parseQueues(args: readonly string[], layout: QueueLayout): QueueName[] {
  const [option, list, ...rest] = args;
  if (option === undefined) return [...ALL_QUEUES];
  if (option !== '--queues' || list === undefined || rest.length > 0) {
    throw new Error(`usage: --queues ${ALL_QUEUES.join(',')} (any of them)`);
  }
  const names = [...new Set(list.split(','))];
  const unknown = names.filter((name) => !isQueue(name));
  if (unknown.length > 0) {
    throw new Error(`Unknown queue "${unknown.join('", "')}": the queues are ${ALL_QUEUES.join(', ')}.`);
  }
  if (layout === 'single' && names.length < ALL_QUEUES.length) {
    throw new Error(
      'With TASK_QUEUES=single every worker must serve all queues: omit --queues, or set TASK_QUEUES=split.',
    );
  }
  return names.filter(isQueue);
}
