const MAX_BATCH_SIZE = 64;

/**
 * Splits rows into lists whose lengths are powers of two, at most 64: MySQL prepares a separate statement for every
 * length, and SQLite's statements block the event loop.
 * @param maxSize a smaller power of two.
 */
export function* toBatches<T>(rows: readonly T[], maxSize: number = MAX_BATCH_SIZE): Generator<T[]> {
  let size = maxSize;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}
