import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import { BIGINT, defineTable, KEY, type RowModel, STRING } from '../core/table';

/** An event of the log. `body` is the exact text that `hash` covers. */
interface EventModel extends RowModel<EventModel> {
  id: CreationOptional<number>;
  eventKey: string;
  stream: string;
  seq: number;
  type: string;
  topic: string;
  subject: string;
  body: string;
  prevHash: string;
  hash: string;
}
export type LogRow = InferAttributes<EventModel>;

interface EventStreamModel extends RowModel<EventStreamModel> {
  stream: string;
  seq: number;
  hash: string;
}
/** The newest event of a stream. The workflow's history stores it, so that a rewritten tail is detected. */
export type StreamHead = Omit<InferAttributes<EventStreamModel>, 'stream'>;

interface OutboxModel extends RowModel<OutboxModel> {
  eventId: number;
}

interface FeedModel extends RowModel<FeedModel> {
  /** 1, 2, 3, … without gaps. */
  position: number;
  eventId: number;
}

interface LeaseModel extends RowModel<LeaseModel> {
  name: string;
  holder: string;
  expiresAtMs: number;
}

interface SubscriptionModel extends RowModel<SubscriptionModel> {
  name: string;
  position: number;
}

export const defineEventModels = (sequelize: Sequelize) => {
  const numberKey = { type: BIGINT, primaryKey: true } as const;
  return {
    events: defineTable<EventModel>(sequelize, 'events', {
      id: { ...numberKey, autoIncrement: true },
      eventKey: STRING,
      stream: STRING,
      seq: BIGINT,
      type: STRING,
      topic: STRING,
      subject: STRING,
      body: STRING,
      prevHash: STRING,
      hash: STRING,
    }),
    eventStreams: defineTable<EventStreamModel>(sequelize, 'event_streams', {
      stream: KEY,
      seq: BIGINT,
      hash: STRING,
    }),
    outbox: defineTable<OutboxModel>(sequelize, 'event_outbox', { eventId: numberKey }),
    feed: defineTable<FeedModel>(sequelize, 'event_feed', { position: numberKey, eventId: BIGINT }),
    leases: defineTable<LeaseModel>(sequelize, 'leases', {
      name: KEY,
      holder: STRING,
      expiresAtMs: BIGINT,
    }),
    subscriptions: defineTable<SubscriptionModel>(sequelize, 'subscriptions', {
      name: KEY,
      position: BIGINT,
    }),
  };
};
