import { AppError } from '../../domain/shared/errors';
import { z } from './openapi/zod';

/** A page of a list; `nextCursor` is null on the last page. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

export const PageQuery = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

const PREFIX = 'v1:';

export const encodeCursor = (lastKey: string): string =>
  Buffer.from(`${PREFIX}${lastKey}`, 'utf8').toString('base64url');

/** @throws AppError `invalid_cursor` unless this list issued the cursor. */
export function decodeCursor(cursor: string, isKey: (key: string) => boolean): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const key = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || !isKey(key) || encodeCursor(key) !== cursor) {
    throw new AppError('invalid_cursor', 'Use the nextCursor of an earlier page of this list.', {
      errors: [{ pointer: 'cursor', detail: 'is not valid' }],
    });
  }
  return key;
}

/** @param rows up to `limit + 1` of them: the extra one shows that there is a next page. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  toKey: (row: Row) => string,
  toResponse: (row: Row) => T,
): Page<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(toResponse),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(toKey(last)) : null,
  };
}
