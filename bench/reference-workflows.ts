import {
  condition,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { ReferenceActivities } from './reference-worker';

/** The least a workflow can do. */
export async function empty(): Promise<void> {}

export const decided = defineUpdate<string>('decided');

const local = proxyLocalActivities<ReferenceActivities>({ startToCloseTimeout: '5s' });
const remote = proxyActivities<ReferenceActivities>({ startToCloseTimeout: '30s' });

/** The shape of an order with nothing in it: update-with-start, local activity, activity, local activity. */
export async function shape(): Promise<void> {
  let decision: string | undefined;
  setHandler(decided, async () => {
    await condition(() => decision !== undefined);
    return decision ?? '';
  });
  await local.nothing();
  await remote.nothing();
  await local.nothing();
  decision = 'confirmed';
}
