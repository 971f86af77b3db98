import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { Config } from '../config/config';
import { connect, type Database } from '../db/core/connect';
import { createStore, type Store } from '../db/core/store';
import { createTemporalClient } from '../integrations/temporal/connect';
import { getTaskQueues, type TaskQueues } from '../workflows/shared/task-queues';
import type { ProcessContext } from './lifecycle';

/** The dependencies of every process. Connections are opened at first use. */
export interface AppContext {
  store: Store;
  temporal: Client;
  queues: TaskQueues;
  /** Identifies this process as a lease holder, also across containers with equal process ids. */
  instanceId: string;
}

/** @param wrapDatabase wraps every access to SQL. */
export function createAppContext(
  { config, onStop }: ProcessContext,
  wrapDatabase: (db: Database) => Database = (db) => db,
): AppContext {
  const db = wrapDatabase(connect({ url: config.databaseUrl }));
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

/** @throws Error when the database supports only one process. */
export function assertMultiProcessDatabase({ databaseUrl }: Config): void {
  if (databaseUrl.startsWith('mysql:')) return;
  throw new Error(
    'SQLite supports one process only: set DATABASE_URL to mysql://…, or run everything in one process with npm start.',
  );
}
