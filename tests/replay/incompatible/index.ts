import { sleep } from '@temporalio/workflow';

/** What a careless change looks like: an order that begins with something its history does not know. */
export async function order(): Promise<{ status: string }> {
  await sleep('1 minute');
  return { status: 'confirmed' };
}
