import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

/**
 * Converts a history to JSON and back. The SDK's `historyToJSON` checks types by class, which fails when npm installs
 * protobufjs more than once.
 */
export const toHistoryJson = (history: History): string =>
  JSON.stringify(
    History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String }),
    null,
    2,
  );
export const fromHistoryJson = (json: string): History => History.fromObject(JSON.parse(json));

/** @returns the JSON of a history with all payloads decoded, as readable by everyone with access to Temporal. */
export const decodePayloads = (json: string): string => JSON.stringify(JSON.parse(json, decodePayload));

const decodePayload = (key: string, value: unknown): unknown =>
  key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value;
