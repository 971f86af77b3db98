import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Quote } from '../../../api/orders/quote-schemas';
import { connect } from '../../../db/core/connect';
import { execute } from '../../../db/core/sql';
import { DEFAULT_PRICE_RULES, type PriceRules } from '../../../domain/pricing/price-rules';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem } from './orders';

type Cart = Record<string, number>;

/** Without a requested shipping method, the first method for the weight is used. */
const CART_CASES: [
  Cart,
  to: { country: string; region?: string },
  requestedMethod: string | undefined,
  usedMethod: string,
][] = [
  [{ 'tea-assam': 1 }, { country: 'DE' }, undefined, 'letter'],
  [{ 'tea-assam': 1, 'walnut-desk': 1 }, { country: 'DE' }, undefined, 'standard'],
  [{ 'coffee-decaf': 3, 'tea-assam': 7 }, { country: 'FR' }, 'express', 'express'],
  [{ 'walnut-desk': 1, 'gift-card-25': 2 }, { country: 'US', region: 'CA' }, 'standard', 'standard'],
  [
    { 'monitor-stand': 3, 'desk-mat': 1, 'tea-assam': 1 },
    { country: 'US', region: 'nv' },
    'express',
    'express',
  ],
];

const toItems = (cart: Cart) => Object.entries(cart).map(([sku, quantity]) => ({ sku, quantity }));
const requestQuote = (system: System, body: unknown) => system.request<Quote>('/api/quotes', { body });

/** Tax rates that need rounding, for a country and one of its regions, and a shipping method for light carts. */
const createPriceRules = (currency: string, taxIncluded: boolean): PriceRules => ({
  ...DEFAULT_PRICE_RULES,
  currency,
  taxIncluded,
  taxRatesBasisPoints: {
    ...DEFAULT_PRICE_RULES.taxRatesBasisPoints,
    US: { standard: 413, reduced: 177, zero: 0 },
    'US-CA': { standard: 725, reduced: 333, zero: 0 },
  },
  shippingMethods: {
    letter: { name: 'Letter', fees: [{ upToGrams: 500, feeMinor: 190 }], freeFromMinor: null },
    ...DEFAULT_PRICE_RULES.shippingMethods,
    pickup: { name: 'Pick-up', fees: [{ upToGrams: null, feeMinor: 0 }], freeFromMinor: null },
  },
});

describe.each([
  ['EUR', true, 1],
  ['JPY', false, 1],
  ['KWD', false, 10],
] as const)('a shop with currency %s and taxIncluded %s', (currency, taxIncluded, step) => {
  let dir: string;
  const shops: Partial<Record<string, System>> = {};
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'price-rules-'));
    const file = join(dir, 'rules.json');
    writeFileSync(file, JSON.stringify(createPriceRules(currency, taxIncluded)));
    for (const dialect of DIALECTS) {
      shops[dialect] = await startSystem({
        dialect,
        env: { PRICE_RULES_FILE: file },
        databaseUrl: (url) => changeCatalogueCurrency(currency, url),
      });
    }
  });
  afterAll(async () => {
    for (const shop of Object.values(shops)) await shop?.close();
    rmSync(dir, { recursive: true });
  });

  test.each(DIALECTS)('%s: quote, order and captured payment are equal', async (dialect) => {
    const shop = shops[dialect] as System;
    for (const [cart, to, shippingMethod, usedMethod] of CART_CASES) {
      const quoted = await requestQuote(shop, {
        items: toItems(cart),
        shippingAddress: to,
        shippingMethod,
      });
      const body = buildOrderRequest(cart);
      const shippingAddress = { ...body.shippingAddress, ...to };
      const ordered = await shop.placeOrder({ ...body, shippingAddress, shippingMethod });
      expect([quoted.status, ordered.status]).toEqual([200, 201]);

      const { shippingOptions, ...price } = quoted.body;
      expect(ordered.body).toMatchObject({ ...price, shippingMethod: usedMethod });
      const [intent] = await shop.listIntents(ordered.body.id);
      expect(intent).toMatchObject({ amount_captured: price.total.amount, currency: currency.toLowerCase() });
      expect(price.total).toEqual({ amount: expect.any(Number), currency });
      expect(price.total.amount % step).toBe(0);
      expect(price.taxIncluded).toBe(taxIncluded);

      const sum = (field: 'tax' | 'total' | 'discount') =>
        price.lines.reduce((total, line) => total + line[field].amount, 0);
      expect(sum('discount')).toBe(price.discount.amount);
      const shippingTax = price.tax.amount - sum('tax');
      expect(sum('total') + price.shipping.amount + (taxIncluded ? 0 : shippingTax)).toBe(price.total.amount);
      const chosen = shippingOptions.find(({ code }) => code === price.shippingMethod);
      expect(chosen?.fee).toEqual(price.shipping);
      expect(await shop.getOrder(ordered.body.id)).toMatchObject(price);
    }
  });

  test.each(DIALECTS)('%s: rejects a quote and an order below the minimum charge', async (dialect) => {
    const shop = shops[dialect] as System;
    const quoteAndPlace = async (quantity: number, shippingMethod: string) => {
      const body = { ...buildOrderRequest({ 'wall-shelf': quantity }), shippingMethod };
      const {
        items,
        shippingAddress: { country },
      } = body;
      const quoted = await requestQuote(shop, { items, shippingAddress: { country }, shippingMethod });
      return [quoted, await shop.placeOrder(body)] as const;
    };
    const before = await shop.listOrders();
    for (const response of await quoteAndPlace(1, 'pickup')) {
      const problem = expectProblem(response, 400, 'invalid_request');
      expect(problem.detail).toMatch(/^The order total is below the minimum of one payment/);
      expect(problem.errors).toEqual([{ pointer: '/items', detail: 'the total is too small' }]);
    }
    expect(await shop.listOrders()).toEqual(before);
    const paid = [...(await quoteAndPlace(2, 'pickup')), ...(await quoteAndPlace(1, 'standard'))];
    expect(paid.map(({ status }) => status)).toEqual([200, 201, 200, 201]);
  });

  test.each(DIALECTS)('%s: rejects a product priced in another currency', async (dialect) => {
    const shop = shops[dialect] as System;
    const body = buildOrderRequest({ 'wall-shelf': 2, 'cable-tray': 1 });
    const { items } = body;
    for (const response of [
      await requestQuote(shop, { items, shippingAddress: { country: 'DE' } }),
      await shop.placeOrder(body),
    ]) {
      expect(expectProblem(response, 400, 'unknown_sku').errors).toEqual([
        { pointer: '/items/1/sku', detail: `cable-tray is priced in GBP; this shop sells in ${currency}` },
      ]);
    }
  });

  test.each(DIALECTS)(
    '%s: requires a region for quotes and orders when tax depends on it',
    async (dialect) => {
      const shop = shops[dialect] as System;
      const cart = { 'coffee-decaf': 1 };
      for (const region of [undefined, 'California']) {
        const to = { country: 'US', ...(region === undefined ? {} : { region }) };
        const body = buildOrderRequest(cart);
        const ordered = { ...body, shippingAddress: { ...body.shippingAddress, ...to } };
        for (const response of [
          await requestQuote(shop, { items: toItems(cart), shippingAddress: to }),
          await shop.placeOrder(ordered),
        ]) {
          expect(expectProblem(response, 400, 'invalid_request').errors).toEqual([
            {
              pointer: '/shippingAddress/region',
              detail: 'must be the code of a region of US, such as CA (ISO 3166-2 without US-)',
            },
          ]);
        }
      }
    },
  );
});

/** Sets the currency of all seed products but one, and a price below the minimum charge for one. */
async function changeCatalogueCurrency(currency: string, url: string): Promise<string> {
  const db = connect({ url });
  await db.write(async (tx) => {
    await execute(db, 'UPDATE products SET currency = :currency', { currency }, tx);
    await execute(db, "UPDATE products SET currency = 'GBP' WHERE sku = 'cable-tray'", {}, tx);
    await execute(db, "UPDATE products SET price_minor = 30 WHERE sku = 'wall-shelf'", {}, tx);
  });
  await db.close();
  return url;
}

describe('a quote', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect: 'sqlite' });
  });
  afterAll(() => system?.close());

  const quote = (cart: Cart, shippingMethod?: string) =>
    requestQuote(system, { items: toItems(cart), shippingAddress: { country: 'DE' }, shippingMethod });

  test('returns the fee of each shipping method by weight and free-shipping threshold', async () => {
    const eur = (amount: number) => ({ amount, currency: 'EUR' });
    const listFees = async (cart: Cart) =>
      (await quote(cart)).body.shippingOptions.map(({ code, fee }) => [code, fee]);
    expect(await listFees({ 'coffee-decaf': 1 })).toEqual([
      ['standard', eur(490)],
      ['express', eur(990)],
    ]);
    expect(await listFees({ 'monitor-stand': 3 })).toEqual([
      ['standard', eur(0)],
      ['express', eur(1490)],
    ]);
    expect(await listFees({ 'walnut-desk': 1 })).toEqual([
      ['standard', eur(0)],
      ['express', null],
    ]);
  });

  test('returns 400 that names the field for invalid carts', async () => {
    const expectRejected = async (body: unknown) =>
      expectProblem(await requestQuote(system, body), 400, 'invalid_request');
    const items = toItems({ 'walnut-desk': 1 });
    const to = { country: 'DE' };
    expect((await expectRejected({ items, shippingAddress: to, shippingMethod: 'express' })).errors).toEqual([
      { pointer: '/shippingMethod', detail: 'The order is too heavy for the shipping method express.' },
    ]);
    expect((await expectRejected({ items, shippingAddress: to, shippingMethod: 'pigeon' })).errors).toEqual([
      { pointer: '/shippingMethod', detail: 'Unknown shipping method pigeon.' },
    ]);
    expect(
      (await expectRejected({ items, shippingAddress: to, shippingMethod: '__proto__' })).errors,
    ).toMatchObject([{ pointer: '/shippingMethod' }]);
    expect((await expectRejected({ items: [], shippingAddress: to })).errors).toMatchObject([
      { pointer: '/items' },
    ]);
    expect((await expectRejected({ items, shippingAddress: { country: 'de' } })).errors).toMatchObject([
      { pointer: '/shippingAddress/country' },
    ]);
    expect(
      (await expectRejected({ items: [{ ...items[0], unitPrice: 1 }], shippingAddress: to })).errors,
    ).toMatchObject([{ pointer: '/items/0/unitPrice' }]);
    expectProblem(await quote({ nothing: 1 }), 400, 'unknown_sku');
    expectProblem(await quote({ 'standing-desk': 10_000 }), 400, 'invalid_request');
    const order = { ...buildOrderRequest({ 'walnut-desk': 1 }), shippingMethod: 'express' };
    expectProblem(await system.placeOrder(order), 400, 'invalid_request');
  });

  test('stores no order, reservation or payment', async () => {
    const before = [
      await system.listOrders(),
      await system.getStock('coffee-decaf'),
      await system.listIntents(),
    ];
    await quote({ 'coffee-decaf': 5 });
    expect([
      await system.listOrders(),
      await system.getStock('coffee-decaf'),
      await system.listIntents(),
    ]).toEqual(before);
  });
});
