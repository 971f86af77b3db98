import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import type { NotificationKind } from '../../domain/notifications/notification-rules';
import { BIGINT, defineTable, KEY, nullable, type RowModel, STRING } from '../core/table';

/** A message to one recipient over one channel, caused by one event. It does not contain the email address. */
interface NotificationModel extends RowModel<NotificationModel> {
  id: string;
  /** The id of the order, account or product; the recipient follows from it. */
  subject: string;
  eventKey: string;
  kind: NotificationKind;
  channel: 'email';
  /** The number of the recipient among those of the event, from 1. */
  recipient: CreationOptional<number>;
  state: 'queued' | 'sending' | 'sent' | 'failed';
  attempts: CreationOptional<number>;
  lastError: CreationOptional<string | null>;
  claimedUntilMs: CreationOptional<number | null>;
  createdAtMs: number;
  sentAtMs: CreationOptional<number | null>;
}
export type Notification = Omit<InferAttributes<NotificationModel>, 'claimedUntilMs'>;

export const defineNotificationModels = (sequelize: Sequelize) => ({
  notifications: defineTable<NotificationModel>(sequelize, 'notifications', {
    id: KEY,
    subject: STRING,
    eventKey: STRING,
    kind: STRING,
    channel: STRING,
    recipient: { type: BIGINT, defaultValue: 1 },
    state: STRING,
    attempts: { type: BIGINT, defaultValue: 0 },
    lastError: nullable(STRING),
    claimedUntilMs: nullable(BIGINT),
    createdAtMs: BIGINT,
    sentAtMs: nullable(BIGINT),
  }),
});
