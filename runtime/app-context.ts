import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { Config } from '../config/config';
import { connect, type Database } from '../db/core/connect';
import { createStore, type Store } from '../db/core/store';
import { createTemporalClient } from '../integrations/temporal/connect';
import { getTaskQueues, type TaskQueues } from '../workflows/shared/task-queues';
import type { ProcessContext } from './lifecycle';

/** What every process of the system stands on. Nothing here waits for a server: each is connected to when first used. */
export interface AppContext {
  store: Store;
  temporal: Client;
  queues: TaskQueues;
  /** Tells this process from the others that want the same lease, also from one with its id in another container. */
  instanceId: string;
}

/** @param database what stands before the door to SQL, if anything. */
export function createAppContext(
  { config, onStop }: ProcessContext,
  database: (db: Database) => Database = (db) => db,
): AppContext {
  const db = database(connect({ url: config.databaseUrl }));
  onStop('database', () => db.close());
  const temporal = createTemporalClient(config.temporal);
  onStop('Temporal', () => temporal.connection.close());
  return {
    store: createStore(db, config.keys.audit),
    temporal,
    queues: getTaskQueues(config.queues.layout, config.queues.prefix),
    instanceId: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
  };
}

/** @throws Error where the database serves one process only. */
export function assertMultiProcessDatabase({ databaseUrl }: Config): void {
  if (databaseUrl.startsWith('mysql:')) return;
  throw new Error(
    'SQLite serves one process only: set DATABASE_URL to mysql://…, or run everything in one process with npm start.',
  );
}
