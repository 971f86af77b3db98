import { NativeConnection, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { installRuntime } from '../../workers/runtime';

export interface ReferenceActivities {
  noop(): Promise<void>;
}

/** `worker ADDRESS TASK_QUEUE`: a worker of the bare SDK in a separate process, like the system's. */
async function main([address, taskQueue]: string[]): Promise<void> {
  if (address === undefined || taskQueue === undefined) throw new Error('usage: worker ADDRESS TASK_QUEUE');
  installRuntime(pino({ level: 'silent' }));
  const connection = await NativeConnection.connect({ address });
  const activities: ReferenceActivities = { noop: async () => undefined };
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: require.resolve('./workflows'),
    activities,
  });
  process.on('SIGTERM', () => worker.shutdown());
  await worker.run();
  await connection.close();
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
