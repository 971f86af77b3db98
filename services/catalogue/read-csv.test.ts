import fc from 'fast-check';
import type { RawRow } from '../../domain/catalogue/product-rows';
import type { AppError } from '../../domain/shared/errors';
import { ROWS_PER_CHUNK, readCsv } from './read-csv';

async function* parts(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(text: string | Buffer, size = 1_000): Promise<{ columns: string[]; chunks: RawRow[][] }> {
  let columns: string[] = [];
  const chunks: RawRow[][] = [];
  await readCsv(parts(Buffer.from(text as string), size), {
    onHeader: (names) => {
      columns = names;
    },
    onRows: async (rows) => void chunks.push(rows),
  });
  return { columns, chunks };
}
const failureOf = (text: string | Buffer) =>
  read(text).then(
    () => null,
    (error: AppError) => error.code,
  );

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const cell = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/^\s*$/.test(text));

test('what was written is read, however it is cut on its way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell)), fc.integer({ min: 1, max: 50 }), async (rows, size) => {
      const text = ['sku,name', ...rows.map((cells) => cells.map(quoted).join(','))].join('\r\n');
      const { columns, chunks } = await read(text, size);
      expect(columns).toEqual(['sku', 'name']);
      expect(chunks.flat().map(({ cells }) => cells)).toEqual(rows);
    }),
  );
});

test('a row is known by the line it begins at', async () => {
  const { chunks } = await read('sku,name\na,1\n\n\nb,"2\n2\n2"\nc,3\n\nd,4');
  expect(chunks.flat().map(({ line, cells }) => [cells[0], line])).toEqual([
    ['a', 2],
    ['b', 5],
    ['c', 8],
    ['d', 10],
  ]);
});

/** Rows of one and of several lines, empty lines, and what they are known by. */
const LINES = ['sku,name', 'a,1', '', '', 'b,"2', '2', '2"', 'c,3', '"d","4', '4"', 'e,5'];
const KNOWN_BY = { a: 2, b: 5, c: 8, d: 9, e: 11 };
const ENDS: [name: string, endOf: (line: number) => string][] = [
  ['LF', () => '\n'],
  ['CRLF', () => '\r\n'],
  ['CR', () => '\r'],
  ['LF behind the header, CRLF behind rows', (line) => (line === 0 ? '\n' : '\r\n')],
  ['CRLF behind the header, LF behind rows', (line) => (line === 0 ? '\r\n' : '\n')],
  ['all of them in turns', (line) => ['\r\n', '\n', '\r\n', '\r\n'][line % 4] ?? ''],
];
test.each(ENDS)('lines may end in %s', async (_name, endOf) => {
  const text = LINES.map((line, n) => line + endOf(n)).join('');
  for (const size of [1, 2, 3, 1_000]) {
    const { columns, chunks } = await read(text, size);
    expect(columns).toEqual(['sku', 'name']);
    expect(Object.fromEntries(chunks.flat().map(({ line, cells }) => [cells[0], line]))).toEqual(KNOWN_BY);
  }
});

test('rows come in chunks, and long ones in smaller chunks', async () => {
  const rows = (count: number, name: string) => Array.from({ length: count }, (_, n) => `s${n},${name}`);
  const short = await read(['sku,name', ...rows(ROWS_PER_CHUNK * 2 + 1, 'x')].join('\n'));
  expect(short.chunks.map((rows) => rows.length)).toEqual([ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]);
  const long = await read(['sku,name', ...rows(100, 'x'.repeat(30_000))].join('\n'));
  expect(Math.max(...long.chunks.map((rows) => rows.length))).toBeLessThan(50);
  expect(long.chunks.flat()).toHaveLength(100);
});

test('empty cells count: rows of them make smaller chunks', async () => {
  const { chunks } = await read(`sku\n${`a${','.repeat(999)}\n`.repeat(ROWS_PER_CHUNK)}`);
  expect(chunks.flat()).toHaveLength(ROWS_PER_CHUNK);
  expect(Math.max(...chunks.map((rows) => JSON.stringify(rows).length))).toBeLessThan(1.2 * 1024 * 1024);
});

const TOO_WIDE = ','.repeat(2_000);
test.each<[where: string, text: string, said: RegExp]>([
  ['a header', `sku${TOO_WIDE}`, /^The row at line 1 has more than 1000 cells\.$/],
  ['a row', `sku\na\nb${TOO_WIDE}\nc`, /^The row at line 3 has more than 1000 cells\.$/],
  ['a row without end', `sku\na${','.repeat(1_000_000)}`, /line 2/],
  ['a row of many lines', `sku\na${',"\n"'.repeat(2_000)}`, /line 1002/],
])('too many cells are refused, and where they are is said: %s', async (_where, text, said) => {
  const detail = expect.stringMatching(said);
  await expect(read(text)).rejects.toMatchObject({ code: 'malformed_csv', detail });
});

test('a byte order mark is no part of the first name', async () => {
  expect((await read('\ufeffsku,name\na,b')).columns).toEqual(['sku', 'name']);
});

test.each<[what: string, text: string | Buffer]>([
  ['nothing', ''],
  ['blank lines', '\n\n'],
  ['a header without a sku', 'name,price\na,1'],
  ['an open quote', 'sku,name\na,"b'],
  ['bytes that are no UTF-8', Buffer.from([0x73, 0x6b, 0x75, 0x0a, 0xff])],
  ['a character that is cut off', Buffer.from('sku\né').subarray(0, 5)],
])('%s is no file of products', async (_what, text) => {
  expect(await failureOf(text)).toBe('malformed_csv');
});

test('too many rows are refused', async () => {
  expect(await failureOf(`sku\n${'a\n'.repeat(100_001)}`)).toBe('payload_too_large');
});
