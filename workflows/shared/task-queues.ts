/** Names of the task queues on which workflows and activities run. */
export interface TaskQueues {
  orders: string;
  payments: string;
  notifications: string;
}

/**
 * `single`: all work shares one queue, so the server can hand activities to the worker without another poll.
 * `split`: one queue each, for workers that scale separately.
 */
export type QueueLayout = 'single' | 'split';

/** @param prefix separates systems that share a namespace. */
export function getTaskQueues(layout: QueueLayout, prefix = ''): TaskQueues {
  const name = (queue: keyof TaskQueues) => `${prefix}${layout === 'single' ? 'orders' : queue}`;
  return { orders: name('orders'), payments: name('payments'), notifications: name('notifications') };
}
