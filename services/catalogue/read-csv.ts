import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { type RawRow, validateHeader } from '../../domain/catalogue/product-rows';
import { AppError } from '../../domain/shared/errors';

export const MAX_FILE_BYTES = 32 * 1024 * 1024;
export const MAX_ROWS = 100_000;
export const ROWS_PER_CHUNK = 500;
/** Characters of one row: more than a description and fifty attributes need. */
const MAX_ROW_LENGTH = 64 * 1024;
/** Cells of one row, including empty ones, which do not add to its length. */
const MAX_CELLS_PER_ROW = 1_000;
/** Characters of one chunk: it is sent to the database as one JSON value. */
const MAX_CHUNK_LENGTH = 1024 * 1024;
/** JSON overhead of one cell: two quotes and a comma. */
const CELL_OVERHEAD_LENGTH = 3;

export interface CsvSink {
  /** Called once, before the first rows, with valid column names. */
  onHeader(columns: string[]): void;
  onRows(rows: RawRow[]): Promise<void>;
}

interface ParsedRecord {
  record: string[];
  info: { lines: number; empty_lines: number };
}

/**
 * Parses CSV (RFC 4180, UTF-8) as a stream: at most one chunk is in memory.
 * @throws AppError `malformed_csv` with the line, `payload_too_large`
 */
export async function readCsv(bytes: AsyncIterable<Buffer>, sink: CsvSink): Promise<void> {
  const parser = parse({
    info: true,
    // Files mix them. The longest must come first.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_ROW_LENGTH,
    // The rest of a row that is too wide becomes one cell, which limits memory; the row is then rejected.
    ignore_last_delimiters: MAX_CELLS_PER_ROW + 1,
  });
  try {
    await pipeline(decodeUtf8(bytes), parser, (records: AsyncIterable<ParsedRecord>) =>
      processRecords(records, sink),
    );
  } catch (error) {
    if (error instanceof CsvError) throw malformedCsv(error.message.slice(0, 200));
    throw error;
  }
}

async function processRecords(records: AsyncIterable<ParsedRecord>, sink: CsvSink): Promise<void> {
  let hasHeader = false;
  let rows: RawRow[] = [];
  let [length, count, countedTwice, previous] = [0, 0, 0, { lines: 0, empty_lines: 0 }];
  const flush = async () => {
    if (rows.length > 0) await sink.onRows(rows);
    rows = [];
    length = 0;
  };
  for await (const { record, info } of records) {
    const line = previous.lines + 1 + info.empty_lines - previous.empty_lines - countedTwice;
    previous = info;
    countedTwice += countCrlf(record);
    if (record.length > MAX_CELLS_PER_ROW)
      throw malformedCsv(`The row at line ${line} has more than ${MAX_CELLS_PER_ROW} cells.`);
    if (!hasHeader) {
      hasHeader = true;
      sink.onHeader(parseHeader(record));
      continue;
    }
    count += 1;
    if (count > MAX_ROWS)
      throw new AppError('payload_too_large', `A file can have at most ${MAX_ROWS} rows.`);
    rows.push({ line, cells: record });
    length += record.reduce((sum, cell) => sum + cell.length + CELL_OVERHEAD_LENGTH, 0);
    if (rows.length === ROWS_PER_CHUNK || length > MAX_CHUNK_LENGTH) await flush();
  }
  if (!hasHeader) throw malformedCsv('The file is empty. Its first row must name the columns.');
  await flush();
}

/** The parser counts a CRLF inside quotes as two lines. */
const countCrlf = (record: readonly string[]): number =>
  record.reduce((sum, cell) => sum + cell.split('\r\n').length - 1, 0);

function parseHeader(record: readonly string[]): string[] {
  const columns = record.map((name) => name.trim());
  const errors = validateHeader(columns);
  if (errors.length === 0) return columns;
  throw new AppError('malformed_csv', 'The first row does not name valid columns.', {
    errors: errors.slice(0, MAX_ERRORS).map((detail) => ({ pointer: 'line 1', detail })),
  });
}

const MAX_ERRORS = 50;

async function* decodeUtf8(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const part of bytes) yield decoder.decode(part, { stream: true });
    yield decoder.decode();
  } catch (error) {
    const notUtf8 = (error as { code?: string }).code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    throw notUtf8 ? malformedCsv('The file is not UTF-8.') : error;
  }
}

const malformedCsv = (detail: string): AppError => new AppError('malformed_csv', detail);
