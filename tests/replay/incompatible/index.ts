import { sleep } from '@temporalio/workflow';

/** What a careless change looks like: workflows that begin with something their histories do not know. */
export async function order(): Promise<{ status: string }> {
  await sleep('1 minute');
  return { status: 'confirmed' };
}

export const reconcileOrders = order;
export const importProducts = order;
