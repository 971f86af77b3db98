import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PRICE_RULES } from '../domain/pricing/price-rules';
import { ConfigError, parseConfig } from './config';
import { readPriceRules } from './price-rules';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'price-rules-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function writeRules(content: unknown): string {
  const file = join(dir, 'rules.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const REQUIRED = {
  STRIPE_API_KEY: 'sk_test_x',
  SMTP_URL: 'smtp://127.0.0.1:25',
  AUDIT_KEY: 'ab'.repeat(32),
};

test('accepts the default rules as a file', () => {
  expect(readPriceRules(writeRules(DEFAULT_PRICE_RULES))).toEqual(DEFAULT_PRICE_RULES);
});

test('loads the rules of PRICE_RULES_FILE, or the default rules without it', () => {
  const rules = { ...DEFAULT_PRICE_RULES, currency: 'JPY' };
  expect(parseConfig({ ...REQUIRED, PRICE_RULES_FILE: writeRules(rules) }).priceRules).toEqual(rules);
  expect(parseConfig(REQUIRED).priceRules).toEqual(DEFAULT_PRICE_RULES);
});

test.each<[message: string, content: unknown]>([
  ['cannot be read', '{'],
  ['currency must be an ISO 4217 code', { ...DEFAULT_PRICE_RULES, currency: 'euro' }],
  ['currency cannot be ISK: ISO 4217 defines no decimals', { ...DEFAULT_PRICE_RULES, currency: 'ISK' }],
  ['currency cannot be UGX: ISO 4217 defines no decimals', { ...DEFAULT_PRICE_RULES, currency: 'UGX' }],
  ['currency cannot be MGA: ISO 4217 defines two decimals', { ...DEFAULT_PRICE_RULES, currency: 'MGA' }],
  ['minimumTotalMinor', { ...DEFAULT_PRICE_RULES, minimumTotalMinor: 0 }],
  ['minimumTotalMinor', { ...DEFAULT_PRICE_RULES, minimumTotalMinor: undefined }],
  ['taxIncluded', { ...DEFAULT_PRICE_RULES, taxIncluded: 'yes' }],
  ['shippingMethods must contain at least one method', { ...DEFAULT_PRICE_RULES, shippingMethods: {} }],
  ['the file Unrecognized key', { ...DEFAULT_PRICE_RULES, discount: 1 }],
  [
    'taxRatesBasisPoints.germany',
    { ...DEFAULT_PRICE_RULES, taxRatesBasisPoints: { germany: { standard: 1, reduced: 1, zero: 0 } } },
  ],
  [
    'shippingMethods.24 must be a letter, then',
    {
      ...DEFAULT_PRICE_RULES,
      shippingMethods: {
        ...DEFAULT_PRICE_RULES.shippingMethods,
        24: { name: '24 hours', freeFromMinor: null, fees: [{ upToGrams: null, feeMinor: 2_500 }] },
      },
    },
  ],
  [
    'shippingMethods.post.fees must be ordered by weight',
    {
      ...DEFAULT_PRICE_RULES,
      shippingMethods: {
        post: {
          name: 'Post',
          freeFromMinor: null,
          fees: [
            { upToGrams: null, feeMinor: 1 },
            { upToGrams: 5, feeMinor: 1 },
          ],
        },
      },
    },
  ],
  [
    'shippingMethods.post.fees must be multiples of 10',
    {
      ...DEFAULT_PRICE_RULES,
      currency: 'KWD',
      shippingMethods: {
        post: { name: 'Post', freeFromMinor: null, fees: [{ upToGrams: null, feeMinor: 1_005 }] },
      },
    },
  ],
])('rejects an invalid file at start and names the field: %s', (message, content) => {
  const start = () => parseConfig({ ...REQUIRED, PRICE_RULES_FILE: writeRules(content) });
  expect(start).toThrow(ConfigError);
  expect(start).toThrow(`PRICE_RULES_FILE ${message}`.slice(0, 60));
});

test('rejects a missing file at start', () => {
  expect(() => parseConfig({ ...REQUIRED, PRICE_RULES_FILE: join(dir, 'nothing.json') })).toThrow(
    'PRICE_RULES_FILE cannot be read',
  );
});
