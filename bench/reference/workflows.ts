import { proxyActivities, proxyLocalActivities, upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from '../../workflows/shared/search-attributes';
import type { ReferenceActivities } from './worker';

/** A workflow without steps. */
export async function empty(): Promise<void> {}

const localActivities = proxyLocalActivities<ReferenceActivities>({ startToCloseTimeout: '5s' });
const activities = proxyActivities<ReferenceActivities>({ startToCloseTimeout: '30s' });

/** The steps of an order with empty activities: local activity, activity that decides, change of search attributes. */
export async function orderShape(id: string): Promise<void> {
  await localActivities.noop();
  await activities.decide(id);
  upsertSearchAttributes([{ key: searchAttributes.status, value: 'confirmed' }]);
}
