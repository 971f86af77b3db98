import fc from 'fast-check';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { AppError } from '../../domain/shared/errors';
import { ROWS_PER_CHUNK, readCsv } from './read-csv';

async function* splitBytes(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(text: string | Buffer, size = 1_000): Promise<{ columns: string[]; chunks: RawRow[][] }> {
  let columns: string[] = [];
  const chunks: RawRow[][] = [];
  await readCsv(splitBytes(Buffer.from(text as string), size), {
    onHeader: (names) => {
      columns = names;
    },
    onRows: async (rows) => void chunks.push(rows),
  });
  return { columns, chunks };
}
const readErrorCode = (text: string | Buffer) =>
  read(text).then(
    () => null,
    (error: AppError) => error.code,
  );

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const cell = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/^\s*$/.test(text));

test('reads all cells for any split of the bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell)), fc.integer({ min: 1, max: 50 }), async (rows, size) => {
      const text = ['sku,name', ...rows.map((cells) => cells.map(quoted).join(','))].join('\r\n');
      const { columns, chunks } = await read(text, size);
      expect(columns).toEqual(['sku', 'name']);
      expect(chunks.flat().map(({ cells }) => cells)).toEqual(rows);
    }),
  );
});

test('reports the line at which each row begins', async () => {
  const { chunks } = await read('sku,name\na,1\n\n\nb,"2\n2\n2"\nc,3\n\nd,4');
  expect(chunks.flat().map(({ line, cells }) => [cells[0], line])).toEqual([
    ['a', 2],
    ['b', 5],
    ['c', 8],
    ['d', 10],
  ]);
});

/** Rows of one and of several lines, empty lines, and the line at which each row begins. */
const LINES = ['sku,name', 'a,1', '', '', 'b,"2', '2', '2"', 'c,3', '"d","4', '4"', 'e,5'];
const FIRST_LINES = { a: 2, b: 5, c: 8, d: 9, e: 11 };
const LINE_ENDS: [name: string, getLineEnd: (line: number) => string][] = [
  ['LF', () => '\n'],
  ['CRLF', () => '\r\n'],
  ['CR', () => '\r'],
  ['LF after the header, CRLF after rows', (line) => (line === 0 ? '\n' : '\r\n')],
  ['CRLF after the header, LF after rows', (line) => (line === 0 ? '\r\n' : '\n')],
  ['all of them mixed', (line) => ['\r\n', '\n', '\r\n', '\r\n'][line % 4] ?? ''],
];
test.each(LINE_ENDS)('accepts line ends: %s', async (_name, getLineEnd) => {
  const text = LINES.map((line, n) => line + getLineEnd(n)).join('');
  for (const size of [1, 2, 3, 1_000]) {
    const { columns, chunks } = await read(text, size);
    expect(columns).toEqual(['sku', 'name']);
    expect(Object.fromEntries(chunks.flat().map(({ line, cells }) => [cells[0], line]))).toEqual(FIRST_LINES);
  }
});

test('delivers rows in chunks, long rows in smaller ones', async () => {
  const rows = (count: number, name: string) => Array.from({ length: count }, (_, n) => `s${n},${name}`);
  const short = await read(['sku,name', ...rows(ROWS_PER_CHUNK * 2 + 1, 'x')].join('\n'));
  expect(short.chunks.map((rows) => rows.length)).toEqual([ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]);
  const long = await read(['sku,name', ...rows(100, 'x'.repeat(30_000))].join('\n'));
  expect(Math.max(...long.chunks.map((rows) => rows.length))).toBeLessThan(50);
  expect(long.chunks.flat()).toHaveLength(100);
});

test('counts empty cells towards the size of a chunk', async () => {
  const { chunks } = await read(`sku\n${`a${','.repeat(999)}\n`.repeat(ROWS_PER_CHUNK)}`);
  expect(chunks.flat()).toHaveLength(ROWS_PER_CHUNK);
  expect(Math.max(...chunks.map((rows) => JSON.stringify(rows).length))).toBeLessThan(1.2 * 1024 * 1024);
});

const TOO_WIDE = ','.repeat(2_000);
test.each<[where: string, text: string, expected: RegExp]>([
  ['a header', `sku${TOO_WIDE}`, /^The row at line 1 has more than 1000 cells\.$/],
  ['a row', `sku\na\nb${TOO_WIDE}\nc`, /^The row at line 3 has more than 1000 cells\.$/],
  ['a row without end', `sku\na${','.repeat(1_000_000)}`, /line 2/],
  ['a row of many lines', `sku\na${',"\n"'.repeat(2_000)}`, /line 1002/],
])('rejects too many cells with the line: %s', async (_where, text, expected) => {
  const detail = expect.stringMatching(expected);
  await expect(read(text)).rejects.toMatchObject({ code: 'malformed_csv', detail });
});

test('ignores a byte order mark', async () => {
  expect((await read('\ufeffsku,name\na,b')).columns).toEqual(['sku', 'name']);
});

test.each<[what: string, text: string | Buffer]>([
  ['an empty file', ''],
  ['blank lines', '\n\n'],
  ['a header without a sku', 'name,price\na,1'],
  ['an open quote', 'sku,name\na,"b'],
  ['bytes that are not UTF-8', Buffer.from([0x73, 0x6b, 0x75, 0x0a, 0xff])],
  ['a truncated character', Buffer.from('sku\né').subarray(0, 5)],
])('rejects %s', async (_what, text) => {
  expect(await readErrorCode(text)).toBe('malformed_csv');
});

test('rejects too many rows', async () => {
  expect(await readErrorCode(`sku\n${'a\n'.repeat(100_001)}`)).toBe('payload_too_large');
});
