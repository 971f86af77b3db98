import type { Config } from '../../config/config';
import { createTemporalClient, registerSearchAttributes } from '../../integrations/temporal/connect';
import { runProcess } from '../../runtime/lifecycle';
import { startSystem } from '../../system/start-system';

/** The process of `npm start`: the complete system. */
runProcess('orders', async (context) => {
  await assertTemporalReachable(context.config);
  await startSystem(context);
});

/** Fails at once instead of retrying: this process is started interactively, and a wrong address needs an error. */
async function assertTemporalReachable({ temporal: { address, namespace } }: Config): Promise<void> {
  const client = createTemporalClient({ address, namespace });
  try {
    await registerSearchAttributes(client);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Temporal at ${address}, namespace ${namespace}, is unavailable: ${reason}`);
  } finally {
    await client.connection.close();
  }
}
