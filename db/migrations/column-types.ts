/** Column types in the words of each dialect. */
export interface ColumnTypes {
  /** Ids and keys: case-sensitive ASCII. */
  id: string;
  /** Short machine words: status, kind, hex. */
  code(length: number): string;
  /** Text for people. Compared by its bytes, as SQLite does: `ä` is not `a` in an address of mail. */
  text(length: number): string;
  /** Large text kept byte for byte. */
  largeText: string;
  int: string;
  /** Milliseconds since the epoch. */
  timestampMs: string;
  autoIncrementId: string;
}

const ascii = (length: number) => `VARCHAR(${length}) CHARACTER SET ascii COLLATE ascii_bin`;

export const COLUMN_TYPES: Record<'sqlite' | 'mysql', ColumnTypes> = {
  sqlite: {
    id: 'TEXT',
    code: () => 'TEXT',
    text: () => 'TEXT',
    largeText: 'TEXT',
    int: 'INTEGER',
    timestampMs: 'INTEGER',
    // AUTOINCREMENT: an id is never given again, even after the last row is gone.
    autoIncrementId: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  },
  mysql: {
    id: ascii(190),
    code: ascii,
    text: (length) => `VARCHAR(${length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    largeText: 'MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    int: 'BIGINT',
    timestampMs: 'BIGINT',
    autoIncrementId: 'BIGINT PRIMARY KEY AUTO_INCREMENT',
  },
};
