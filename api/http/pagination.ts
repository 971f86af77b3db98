import { AppError } from '../../domain/shared/errors';

/** A page of a list. `nextCursor` is null on the last one. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

const PREFIX = 'v1:';

export const encodeCursor = (lastKey: string): string =>
  Buffer.from(`${PREFIX}${lastKey}`, 'utf8').toString('base64url');

/** @throws Failure `invalid_cursor` for one that was not given out here for this kind of key. */
export function decodeCursor(cursor: string, isKey: (key: string) => boolean): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const key = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || !isKey(key) || encodeCursor(key) !== cursor) {
    throw new AppError('invalid_cursor', 'The cursor is not one that this list gave out.', {
      errors: [{ pointer: 'cursor', detail: 'is not valid' }],
    });
  }
  return key;
}

/** Cuts `rows`, of which one more than `limit` was asked for, to a page. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => string,
  present: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(present),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null,
  };
}
