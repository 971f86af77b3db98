/** Column types of each dialect. */
export interface ColumnTypes {
  /** Ids and keys: case-sensitive ASCII. */
  id: string;
  /** Short ASCII values: status, kind, hexadecimal. */
  code(length: number): string;
  /** Unicode text, compared by its bytes as on SQLite: `ä` is not `a` in an email address. */
  text(length: number): string;
  /** Large text, stored byte for byte. */
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
    // AUTOINCREMENT: an id is never reused, even after the last row is deleted.
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
