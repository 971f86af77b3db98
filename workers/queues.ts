import type { QueueLayout, TaskQueues } from '../workflows/shared/task-queues';

export type QueueName = keyof TaskQueues;

export const ALL_QUEUES: readonly QueueName[] = ['orders', 'payments', 'notifications'];

const isQueue = (word: string): word is QueueName => (ALL_QUEUES as readonly string[]).includes(word);

/**
 * Reads `--queues orders,payments`; without it a worker serves all.
 * @throws Error with one sentence when a queue is unknown, or when one task queue stands for all and only some are served:
 *   a worker would take tasks there that it cannot do.
 */
export function parseQueues(args: readonly string[], layout: QueueLayout): QueueName[] {
  const [option, list, ...rest] = args;
  if (option === undefined) return [...ALL_QUEUES];
  if (option !== '--queues' || list === undefined || rest.length > 0) {
    throw new Error(`usage: --queues ${ALL_QUEUES.join(',')} (any of them)`);
  }
  const words = [...new Set(list.split(','))];
  const unknown = words.filter((word) => !isQueue(word));
  if (unknown.length > 0) {
    throw new Error(`There is no queue "${unknown.join('", "')}": the queues are ${ALL_QUEUES.join(', ')}.`);
  }
  if (layout === 'single' && words.length < ALL_QUEUES.length) {
    throw new Error(
      'With TASK_QUEUES=single every worker must serve all queues: leave --queues out, or set TASK_QUEUES=split.',
    );
  }
  return words.filter(isQueue);
}
