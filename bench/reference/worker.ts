import { createServer } from 'node:http';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { WORKFLOW_TASK_LIMITS } from '../../workers/run-workers';
import { installRuntime } from '../../workers/runtime';

export interface ReferenceActivities {
  noop(): Promise<void>;
  /** Answers the request that waits for this workflow. */
  decide(workflowId: string): Promise<void>;
}

/**
 * `worker ADDRESS TASK_QUEUE PORT`: the bare SDK in a separate process, like the system. `POST /<workflow id>` starts the
 * shape of an order eagerly and answers when its activity decides it, as a placement does.
 */
async function main([address, taskQueue, port]: string[]): Promise<void> {
  if (address === undefined || taskQueue === undefined || port === undefined)
    throw new Error('usage: worker ADDRESS TASK_QUEUE PORT');
  installRuntime(pino({ level: 'silent' }));
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection });
  const waiting = new Map<string, () => void>();
  const activities: ReferenceActivities = {
    noop: async () => undefined,
    decide: async (workflowId) => waiting.get(workflowId)?.(),
  };
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: require.resolve('./workflows'),
    activities,
    ...WORKFLOW_TASK_LIMITS,
  });
  const server = createServer((req, res) => {
    const workflowId = req.url?.slice(1) ?? '';
    waiting.set(workflowId, () => {
      waiting.delete(workflowId);
      res.writeHead(201).end('{}');
    });
    client.workflow
      .start('orderShape', { workflowId, taskQueue, args: [workflowId], requestEagerStart: true })
      .catch(() => res.writeHead(500).end());
  }).listen(Number(port), '127.0.0.1');
  process.on('SIGTERM', () => {
    server.close();
    worker.shutdown();
  });
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
