import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

/**
 * A history as JSON and back. (The SDK's own `historyToJSON` refuses where npm installs protobufjs more than once: its
 * types are told apart by class.)
 */
export const toHistoryJson = (history: History): string =>
  JSON.stringify(
    History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String }),
    null,
    2,
  );
export const fromHistoryJson = (json: string): History => History.fromObject(JSON.parse(json));

/** JSON of Temporal's with every payload in clear: what anybody with access to Temporal can read. */
export const decodePayloads = (json: string): string => JSON.stringify(JSON.parse(json, decodePayload));

const decodePayload = (key: string, value: unknown): unknown =>
  key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value;
