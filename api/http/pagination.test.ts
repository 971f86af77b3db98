import { isOrderId } from '../../domain/shared/ids';
import { decodeCursor, encodeCursor, toPage } from './pagination';

const ID = 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV';

test('decodes a cursor to its key', () => {
  expect(decodeCursor(encodeCursor(ID), isOrderId)).toBe(ID);
});

test.each([
  ['an empty text', ''],
  ['a plain key', ID],
  ['another kind of key', encodeCursor('walnut-desk')],
  ['another version', Buffer.from(`v2:${ID}`).toString('base64url')],
  ['padding', `${encodeCursor(ID)}==`],
  ['SQL', encodeCursor(`${ID}' OR 1=1 --`)],
])('rejects %s', (_, cursor) => {
  expect(() => decodeCursor(cursor, isOrderId)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
});

test('returns a next cursor only when there are more rows', () => {
  const rows = ['a', 'b', 'c'];
  const page = (limit: number) =>
    toPage(
      rows.slice(0, limit + 1),
      limit,
      (row) => row,
      (row) => row.toUpperCase(),
    );
  expect(page(2)).toEqual({ data: ['A', 'B'], nextCursor: encodeCursor('b') });
  expect(page(3)).toEqual({ data: ['A', 'B', 'C'], nextCursor: null });
  expect(toPage([], 3, String, String)).toEqual({ data: [], nextCursor: null });
});
