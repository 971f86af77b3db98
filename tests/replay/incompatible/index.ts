import { sleep } from '@temporalio/workflow';

/** An incompatible change: workflows that start with a command that their histories do not contain. */
export async function order(): Promise<{ status: string }> {
  await sleep('1 minute');
  return { status: 'confirmed' };
}

export const reconcileOrders = order;
export const importProducts = order;
