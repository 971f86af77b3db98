const MAX_BATCH_SIZE = 64;

/**
 * Splits rows into lists whose lengths are powers of two, at most 64: MySQL prepares a separate statement for every
 * length, and SQLite's statements block the event loop.
 */
export function* toBatches<T>(rows: readonly T[]): Generator<T[]> {
  let size = MAX_BATCH_SIZE;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}
