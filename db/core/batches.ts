const MAX_BATCH_SIZE = 64;

/**
 * Cuts rows into lists whose lengths are powers of two, 64 at the most. Every length is a prepared statement of its own to
 * MySQL: so there are seven of them. And SQLite's driver looks each parameter up in the list of all, so that a statement
 * of twice the length takes four times as long.
 */
export function* toBatches<T>(rows: readonly T[]): Generator<T[]> {
  let size = MAX_BATCH_SIZE;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}
