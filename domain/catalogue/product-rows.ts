import { formatExampleAmount, parseAmount } from '../shared/money';
import { createProduct, type Product, type ProductChange, type ProductData, replaceProduct } from './product';
import * as rules from './product-rules';

/** One thing that is wrong with a row of a file of products. */
export interface RowError {
  /** Line of the file at which the row begins; the header is line 1. */
  line: number;
  /** Where the row says one. */
  sku?: string;
  /** Name of the column. */
  field: string;
  detail: string;
}

/** Cells of one row, as they stand in the file. */
export interface RawRow {
  line: number;
  cells: string[];
}

/** A row that can be read. What the file has no column for is left as it is. */
export interface ProductRow {
  line: number;
  sku: string;
  fields: Partial<Omit<ProductData, 'sku' | 'attributes'>>;
  /** Null takes the attribute away. */
  attributes: Record<string, string | null>;
}

const ATTRIBUTE_PREFIX = 'attr.';
const COLUMNS = [
  'sku',
  'name',
  'description',
  'price',
  'tax_class',
  'weight_grams',
  'image_url',
  'active',
] as const;
type Column = (typeof COLUMNS)[number];

const isColumn = (name: string): name is Column => (COLUMNS as readonly string[]).includes(name);

/** What is wrong with the first row of a file, in words; nothing when its columns can be read. */
export function validateHeader(columns: readonly string[]): string[] {
  const attributes = columns.filter((name) => name.startsWith(ATTRIBUTE_PREFIX));
  const unknown = columns.filter((name) => !isColumn(name) && !attributes.includes(name));
  const twice = columns.filter((name, i) => columns.indexOf(name) !== i);
  return [
    ...unknown.map((name) => `there is no column ${JSON.stringify(name.slice(0, 100))}`),
    ...attributes
      .filter((name) => !rules.ATTRIBUTE_NAME_RULE.isValid(name.slice(ATTRIBUTE_PREFIX.length)))
      .map((name) => `${name.slice(0, 100)}: an attribute ${rules.ATTRIBUTE_NAME_RULE.requirement}`),
    ...new Set(twice.map((name) => `the column ${name.slice(0, 100)} is there twice`)),
    ...(attributes.length > rules.MAX_ATTRIBUTES ? [`attributes ${rules.ATTRIBUTES_RULE.requirement}`] : []),
    ...(columns.includes('sku') ? [] : ['the column sku is missing']),
  ];
}

/** @param columns without faults. @param currency of the prices: the shop's. */
export function parseRow(
  columns: readonly string[],
  { line, cells }: RawRow,
  currency: string,
): ProductRow | RowError[] {
  if (cells.length !== columns.length) {
    const detail = `has ${cells.length} cells, the header has ${columns.length}`;
    return [{ line, field: 'row', detail }];
  }
  const row: ProductRow = { line, sku: '', fields: {}, attributes: {} };
  const wrong: { field: string; detail: string }[] = [];
  for (const [i, column] of columns.entries()) {
    const detail = parseCell(row, column, (cells[i] ?? '').trim(), currency);
    if (detail !== undefined) wrong.push({ field: column, detail });
  }
  if (wrong.length === 0) return row;
  return wrong.map((fault) => ({ line, ...(row.sku === '' ? {} : { sku: row.sku }), ...fault }));
}

/** Puts a cell where it belongs. @returns what is wrong with it. */
function parseCell(row: ProductRow, column: string, cell: string, currency: string): string | undefined {
  const { fields } = row;
  if (!isColumn(column)) {
    const name = column.slice(ATTRIBUTE_PREFIX.length);
    row.attributes[name] = cell === '' ? null : cell;
    return cell === '' ? undefined : checkRule(rules.ATTRIBUTE_VALUE_RULE, cell);
  }
  switch (column) {
    case 'sku':
      if (!rules.SKU_RULE.isValid(cell)) return rules.SKU_RULE.requirement;
      row.sku = cell;
      return;
    case 'name':
      fields.name = cell;
      return checkRule(rules.NAME_RULE, cell);
    case 'description':
      fields.description = cell;
      return checkRule(rules.DESCRIPTION_RULE, cell);
    case 'price': {
      const minor = parseAmount(cell, currency);
      if (minor === null) return `must be an amount of ${currency} such as ${formatExampleAmount(currency)}`;
      fields.unitPriceMinor = minor;
      fields.currency = currency;
      return checkRule(rules.unitPriceRule(currency), minor);
    }
    case 'tax_class': {
      const taxClass = rules.TAX_CLASSES.find((known) => known === (cell || 'standard'));
      if (taxClass === undefined) return `must be one of ${rules.TAX_CLASSES.join(', ')}`;
      fields.taxClass = taxClass;
      return;
    }
    case 'weight_grams':
      fields.weightGrams = /^\d{1,9}$/.test(cell || '0') ? Number(cell || '0') : -1;
      return checkRule(rules.WEIGHT_GRAMS_RULE, fields.weightGrams);
    case 'image_url':
      fields.imageUrl = cell === '' ? null : cell;
      return cell === '' ? undefined : checkRule(rules.IMAGE_URL_RULE, cell);
    case 'active':
      if (!/^(true|false|)$/.test(cell)) return 'must be true or false';
      fields.active = cell !== 'false';
      return;
  }
}

const checkRule = <T>(rule: rules.FieldRule<T>, value: T): string | undefined =>
  rule.isValid(value) ? undefined : rule.requirement;

/** What a row makes of a product: a change, null where it is like that already, or why it cannot be applied. */
export function applyRow(
  row: ProductRow,
  before: Product | null,
  atMs: number,
): ProductChange | null | RowError[] {
  const { line, sku, fields } = row;
  const attributes = { ...before?.attributes };
  for (const [name, value] of Object.entries(row.attributes)) {
    if (value === null) delete attributes[name];
    else attributes[name] = value;
  }
  if (!rules.ATTRIBUTES_RULE.isValid(attributes)) {
    return [
      { line, sku, field: `${ATTRIBUTE_PREFIX}*`, detail: `attributes ${rules.ATTRIBUTES_RULE.requirement}` },
    ];
  }
  if (before !== null) return replaceProduct(before, { ...before, ...fields, sku, attributes }, atMs);
  const { name, unitPriceMinor, currency, ...rest } = fields;
  if (name === undefined || unitPriceMinor === undefined || currency === undefined) {
    const missing = name === undefined ? ['name'] : [];
    if (unitPriceMinor === undefined) missing.push('price');
    return missing.map((field) => ({ line, sku, field, detail: 'is needed: there is no such product yet' }));
  }
  return createProduct(
    { ...NEW_PRODUCT_DEFAULTS, ...rest, sku, name, unitPriceMinor, currency, attributes },
    atMs,
  );
}

/** What a new product is where its row does not say. */
const NEW_PRODUCT_DEFAULTS = {
  description: '',
  taxClass: 'standard',
  weightGrams: 0,
  imageUrl: null,
  active: true,
} as const;
