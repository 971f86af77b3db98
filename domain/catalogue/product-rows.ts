import { formatExampleAmount, parseAmount } from '../shared/money';
import { createProduct, type Product, type ProductChange, type ProductData, replaceProduct } from './product';
import * as rules from './product-rules';

/** A validation error of one field of a CSV row. */
export interface RowError {
  /** Line of the file at which the row starts; the header is line 1. */
  line: number;
  /** Omitted if the row has no valid sku. */
  sku?: string;
  /** Name of the column. */
  field: string;
  detail: string;
}

/** The unparsed cells of one row. */
export interface RawRow {
  line: number;
  cells: string[];
}

/** A parsed row. Fields without a column in the file stay unchanged. */
export interface ProductRow {
  line: number;
  sku: string;
  fields: Partial<Omit<ProductData, 'sku' | 'attributes'>>;
  /** Null removes the attribute. */
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

/** @returns the errors of a file's header row; empty if it is valid. */
export function validateHeader(columns: readonly string[]): string[] {
  const attributes = columns.filter((name) => name.startsWith(ATTRIBUTE_PREFIX));
  const unknown = columns.filter((name) => !isColumn(name) && !attributes.includes(name));
  const duplicates = columns.filter((name, i) => columns.indexOf(name) !== i);
  return [
    ...unknown.map((name) => `unknown column ${JSON.stringify(name.slice(0, 100))}`),
    ...attributes
      .filter((name) => !rules.ATTRIBUTE_NAME_RULE.isValid(name.slice(ATTRIBUTE_PREFIX.length)))
      .map((name) => `${name.slice(0, 100)}: an attribute ${rules.ATTRIBUTE_NAME_RULE.requirement}`),
    ...new Set(duplicates.map((name) => `duplicate column ${name.slice(0, 100)}`)),
    ...(attributes.length > rules.MAX_ATTRIBUTES ? [`attributes ${rules.ATTRIBUTES_RULE.requirement}`] : []),
    ...(columns.includes('sku') ? [] : ['missing column sku']),
  ];
}

/** @param columns a valid header. @param currency the shop's currency, used for prices. */
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
  const errors: { field: string; detail: string }[] = [];
  for (const [i, column] of columns.entries()) {
    const detail = parseCell(row, column, (cells[i] ?? '').trim(), currency);
    if (detail !== undefined) errors.push({ field: column, detail });
  }
  if (errors.length === 0) return row;
  return errors.map((error) => ({ line, ...(row.sku === '' ? {} : { sku: row.sku }), ...error }));
}

/** Parses a cell into `row`. @returns the validation error, if any. */
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
      const taxClass = rules.TAX_CLASSES.find((name) => name === (cell || 'standard'));
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

/** Applies a row to a product. @returns the change, null if nothing changes, or the errors. */
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
    return missing.map((field) => ({ line, sku, field, detail: 'is required for a new product' }));
  }
  return createProduct(
    { ...NEW_PRODUCT_DEFAULTS, ...rest, sku, name, unitPriceMinor, currency, attributes },
    atMs,
  );
}

/** Defaults of a new product. */
const NEW_PRODUCT_DEFAULTS = {
  description: '',
  taxClass: 'standard',
  weightGrams: 0,
  imageUrl: null,
  active: true,
} as const;
