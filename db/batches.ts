const MOST = 512;

/**
 * Cuts rows into lists whose lengths are powers of two, 512 at the most. Every length is a prepared statement of its own
 * to MySQL, and SQLite takes 32,766 values at the most: so there are ten statements, and none is too long.
 */
export function* batches<T>(rows: readonly T[]): Generator<T[]> {
  let size = MOST;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}
