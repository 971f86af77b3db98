import {
  condition,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { ReferenceActivities } from './worker';

/** A workflow without steps. */
export async function empty(): Promise<void> {}

export const decisionUpdate = defineUpdate<string>('decision');

const localActivities = proxyLocalActivities<ReferenceActivities>({ startToCloseTimeout: '5s' });
const activities = proxyActivities<ReferenceActivities>({ startToCloseTimeout: '30s' });

/** The steps of an order with empty activities: update-with-start, local activity, activity, local activity. */
export async function orderShape(): Promise<void> {
  let decision: string | undefined;
  setHandler(decisionUpdate, async () => {
    await condition(() => decision !== undefined);
    return decision ?? '';
  });
  await localActivities.noop();
  await activities.noop();
  await localActivities.noop();
  decision = 'confirmed';
}
