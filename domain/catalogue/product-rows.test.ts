import fc from 'fast-check';
import { createProduct, type Product } from './product';
import { applyRows } from './product-import';
import { applyRow, type ProductRow, parseRow, type RowError, validateHeader } from './product-rows';

const COLUMNS = [
  'sku',
  'name',
  'description',
  'price',
  'tax_class',
  'weight_grams',
  'image_url',
  'active',
  'attr.wood',
];
const CELLS = ['oak-desk', 'Oak desk', 'Solid.', '389.00', 'reduced', '36000', '/oak.webp', 'false', 'oak'];

const read = (cells: string[], columns = COLUMNS, currency = 'EUR') =>
  parseRow(columns, { line: 7, cells }, currency);
const withCell = (column: string, cell: string) => CELLS.map((c, i) => (COLUMNS[i] === column ? cell : c));
const row = (cells: string[], columns = COLUMNS): ProductRow => {
  const result = read(cells, columns);
  if (Array.isArray(result)) throw new Error(JSON.stringify(result));
  return result;
};
const DESK = createProduct(
  {
    sku: 'oak-desk',
    name: 'Oak desk',
    description: 'Solid.',
    unitPriceMinor: 38_900,
    currency: 'EUR',
    taxClass: 'standard',
    weightGrams: 36_000,
    imageUrl: null,
    attributes: { wood: 'oak', finish: 'oil' },
    active: true,
  },
  1,
).after;

test('parses cells by column name in any column order', () => {
  const reversed = row(CELLS.toReversed(), COLUMNS.toReversed());
  expect(reversed).toEqual(row(CELLS));
  expect(reversed).toEqual({
    line: 7,
    sku: 'oak-desk',
    fields: {
      name: 'Oak desk',
      description: 'Solid.',
      unitPriceMinor: 38_900,
      currency: 'EUR',
      taxClass: 'reduced',
      weightGrams: 36_000,
      imageUrl: '/oak.webp',
      active: false,
    },
    attributes: { wood: 'oak' },
  });
});

test('parses an empty cell as the default of its field', () => {
  const { fields, attributes } = row(['x', 'X', '', '1', '', '', '', '', '']);
  expect(fields).toMatchObject({
    description: '',
    taxClass: 'standard',
    weightGrams: 0,
    imageUrl: null,
    active: true,
  });
  expect(attributes).toEqual({ wood: null });
});

test.each([
  ['sku', 'Oak'],
  ['sku', ''],
  ['sku', 'import'],
  ['name', ''],
  ['name', 'a\u0000b'],
  ['description', 'x'.repeat(2_001)],
  ['price', ''],
  ['price', '1e3'],
  ['price', '-1'],
  ['price', '1.001'],
  ['price', '1,00'],
  ['price', '99999999.99'],
  ['tax_class', 'none'],
  ['weight_grams', '1.5'],
  ['weight_grams', '99999999'],
  ['image_url', 'ftp://x.example/y'],
  ['active', 'yes'],
  ['attr.wood', 'x'.repeat(501)],
])('rejects %s %j', (column, cell) => {
  const faults = read(withCell(column, cell)) as RowError[];
  expect(faults.map(({ line, field }) => [line, field])).toEqual([[7, column]]);
});

test('accepts prices with the decimals of the currency and chargeable amounts only', () => {
  const price = (cell: string, currency: string) => {
    const result = read(['x', cell], ['sku', 'price'], currency);
    return Array.isArray(result) ? null : result.fields.unitPriceMinor;
  };
  expect([price('419', 'JPY'), price('419.0', 'JPY')]).toEqual([419, null]);
  expect([price('4.19', 'KWD'), price('4.195', 'KWD'), price('4.190', 'KWD')]).toEqual([4_190, null, 4_190]);
});

test('rejects unknown, duplicate and missing columns in a header', () => {
  expect(validateHeader(COLUMNS)).toEqual([]);
  expect(validateHeader(['sku'])).toEqual([]);
  expect(validateHeader(['sku', 'colour', 'name', 'name', 'attr.__proto__'])).toEqual([
    'unknown column "colour"',
    expect.stringContaining('attr.__proto__: an attribute name must be'),
    'duplicate column name',
  ]);
  expect(validateHeader(['name'])).toEqual(['missing column sku']);
});

test('leaves fields without a column unchanged and sets or removes named attributes', () => {
  const change = applyRow(row(['oak-desk', '400', ''], ['sku', 'price', 'attr.finish']), DESK, 5);
  expect(change).toEqual({
    before: DESK,
    after: { ...DESK, unitPriceMinor: 40_000, attributes: { wood: 'oak' }, version: 2, updatedAtMs: 5 },
  });
  expect(applyRow(row(['oak-desk', '389.00'], ['sku', 'price']), DESK, 5)).toBeNull();
});

test('changes nothing when a row repeats the current values', () => {
  const cell = fc.constantFrom('1', '2.50', '7');
  const rows = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('A', 'B'), cell));
  fc.assert(
    fc.property(rows, (given) => {
      const parsed = given.map((cells) => row(cells, ['sku', 'name', 'price']));
      const first = applyRows(parsed, new Map(), 1);
      const products = new Map<string, Product>(first.changes.map(({ after }) => [after.sku, after]));
      expect(first.created).toBe(new Set(parsed.map((r) => r.sku)).size);
      expect(first.created + first.updated + first.unchanged).toBe(given.length);
      for (const product of products.values()) {
        const versions = first.changes.filter((c) => c.after.sku === product.sku).map((c) => c.after.version);
        expect(versions).toEqual(versions.map((_, i) => i + 1));
        const last = parsed.findLast((r) => r.sku === product.sku);
        expect(product).toMatchObject({
          name: last?.fields.name,
          unitPriceMinor: last?.fields.unitPriceMinor,
        });
      }
      const lastOfEach = [...new Map(parsed.map((r) => [r.sku, r])).values()];
      expect(applyRows(lastOfEach, products, 2)).toMatchObject({ changes: [], unchanged: lastOfEach.length });
    }),
  );
});

test.each([
  ['EUR', '419.00'],
  ['JPY', '419'],
  ['KWD', '419.000'],
])('includes an example in the error of an invalid %s price', (currency, example) => {
  expect(read(['x', 'free'], ['sku', 'price'], currency)).toMatchObject([
    { field: 'price', detail: `must be an amount of ${currency} such as ${example}` },
  ]);
});
