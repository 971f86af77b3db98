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

/** Who does not say how it is to be sent gets the first way that can carry it. */
const CART_CASES: [
  Cart,
  to: { country: string; region?: string },
  asked: string | undefined,
  sent: string,
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

const toItems = (basket: Cart) => Object.entries(basket).map(([sku, quantity]) => ({ sku, quantity }));
const requestQuote = (system: System, body: unknown) => system.request<Quote>('/api/quotes', { body });

/** Rates that do not come out even, in a country and in one of its regions, and a way of shipping for what is light. */
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
] as const)('in a shop that sells in %s, tax in its prices: %s', (currency, taxIncluded, step) => {
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

  test.each(DIALECTS)('%s: what is quoted is what is ordered is what is paid', async (dialect) => {
    const shop = shops[dialect] as System;
    for (const [basket, to, shippingMethod, sent] of CART_CASES) {
      const quoted = await requestQuote(shop, {
        items: toItems(basket),
        shippingAddress: to,
        shippingMethod,
      });
      const body = buildOrderRequest(basket);
      const shippingAddress = { ...body.shippingAddress, ...to };
      const ordered = await shop.placeOrder({ ...body, shippingAddress, shippingMethod });
      expect([quoted.status, ordered.status]).toEqual([200, 201]);

      const { shippingOptions, ...price } = quoted.body;
      expect(ordered.body).toMatchObject({ ...price, shippingMethod: sent });
      const [intent] = await shop.listIntents(ordered.body.id);
      expect(intent).toMatchObject({ amount_captured: price.total.amount, currency: currency.toLowerCase() });
      expect(price.total).toEqual({ amount: expect.any(Number), currency });
      expect(price.total.amount % step).toBe(0);
      expect(price.taxIncluded).toBe(taxIncluded);

      const sum = (of: 'tax' | 'total' | 'discount') => price.lines.reduce((all, l) => all + l[of].amount, 0);
      expect(sum('discount')).toBe(price.discount.amount);
      const shippingTax = price.tax.amount - sum('tax');
      expect(sum('total') + price.shipping.amount + (taxIncluded ? 0 : shippingTax)).toBe(price.total.amount);
      const chosen = shippingOptions.find(({ code }) => code === price.shippingMethod);
      expect(chosen?.fee).toEqual(price.shipping);
      // It is read as it was ordered.
      expect(await shop.getOrder(ordered.body.id)).toMatchObject(price);
    }
  });

  test.each(DIALECTS)(
    '%s: what costs less than can be charged is neither quoted nor ordered',
    async (dialect) => {
      const shop = shops[dialect] as System;
      const ask = async (quantity: number, shippingMethod: string) => {
        const body = { ...buildOrderRequest({ 'wall-shelf': quantity }), shippingMethod };
        const {
          items,
          shippingAddress: { country },
        } = body;
        const quoted = await requestQuote(shop, { items, shippingAddress: { country }, shippingMethod });
        return [quoted, await shop.placeOrder(body)] as const;
      };
      const before = await shop.listOrders();
      for (const answer of await ask(1, 'pickup')) {
        const problem = expectProblem(answer, 400, 'invalid_request');
        expect(problem.detail).toMatch(/^The order comes to less than one payment can take/);
        expect(problem.errors).toEqual([{ pointer: '/items', detail: 'the total is too small' }]);
      }
      expect(await shop.listOrders()).toEqual(before);
      const paid = [...(await ask(2, 'pickup')), ...(await ask(1, 'standard'))];
      expect(paid.map(({ status }) => status)).toEqual([200, 201, 200, 201]);
    },
  );

  test.each(DIALECTS)('%s: a product that is priced in another currency is not sold', async (dialect) => {
    const shop = shops[dialect] as System;
    const body = buildOrderRequest({ 'wall-shelf': 2, 'cable-tray': 1 });
    const { items } = body;
    for (const answer of [
      await requestQuote(shop, { items, shippingAddress: { country: 'DE' } }),
      await shop.placeOrder(body),
    ]) {
      expect(expectProblem(answer, 400, 'unknown_sku').errors).toEqual([
        { pointer: '/items/1/sku', detail: `cable-tray is priced in GBP, this shop sells in ${currency}` },
      ]);
    }
  });

  test.each(DIALECTS)(
    '%s: where tax is by region, none is guessed for quotes and orders',
    async (dialect) => {
      const shop = shops[dialect] as System;
      const basket = { 'coffee-decaf': 1 };
      for (const region of [undefined, 'California']) {
        const to = { country: 'US', ...(region === undefined ? {} : { region }) };
        const body = buildOrderRequest(basket);
        const ordered = { ...body, shippingAddress: { ...body.shippingAddress, ...to } };
        for (const answer of [
          await requestQuote(shop, { items: toItems(basket), shippingAddress: to }),
          await shop.placeOrder(ordered),
        ]) {
          expect(expectProblem(answer, 400, 'invalid_request').errors).toEqual([
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

/** The demo's products in another currency but one, and a shelf for less than can be charged. */
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

  const quote = (basket: Cart, shippingMethod?: string) =>
    requestQuote(system, { items: toItems(basket), shippingAddress: { country: 'DE' }, shippingMethod });

  test('says what each way of shipping costs, by weight and by what is free from where', async () => {
    const eur = (amount: number) => ({ amount, currency: 'EUR' });
    const fees = async (basket: Cart) =>
      (await quote(basket)).body.shippingOptions.map(({ code, fee }) => [code, fee]);
    expect(await fees({ 'coffee-decaf': 1 })).toEqual([
      ['standard', eur(490)],
      ['express', eur(990)],
    ]);
    expect(await fees({ 'monitor-stand': 3 })).toEqual([
      ['standard', eur(0)],
      ['express', eur(1490)],
    ]);
    expect(await fees({ 'walnut-desk': 1 })).toEqual([
      ['standard', eur(0)],
      ['express', null],
    ]);
  });

  test('is refused for what cannot be ordered, the field named', async () => {
    const refused = async (body: unknown) =>
      expectProblem(await requestQuote(system, body), 400, 'invalid_request');
    const items = toItems({ 'walnut-desk': 1 });
    const to = { country: 'DE' };
    expect((await refused({ items, shippingAddress: to, shippingMethod: 'express' })).errors).toEqual([
      { pointer: '/shippingMethod', detail: 'The order is too heavy to be sent by express.' },
    ]);
    expect((await refused({ items, shippingAddress: to, shippingMethod: 'pigeon' })).errors).toEqual([
      { pointer: '/shippingMethod', detail: 'There is no shipping method pigeon.' },
    ]);
    expect((await refused({ items, shippingAddress: to, shippingMethod: '__proto__' })).errors).toMatchObject(
      [{ pointer: '/shippingMethod' }],
    );
    expect((await refused({ items: [], shippingAddress: to })).errors).toMatchObject([{ pointer: '/items' }]);
    expect((await refused({ items, shippingAddress: { country: 'de' } })).errors).toMatchObject([
      { pointer: '/shippingAddress/country' },
    ]);
    expect(
      (await refused({ items: [{ ...items[0], unitPrice: 1 }], shippingAddress: to })).errors,
    ).toMatchObject([{ pointer: '/items/0/unitPrice' }]);
    expectProblem(await quote({ nothing: 1 }), 400, 'unknown_sku');
    expectProblem(await quote({ 'standing-desk': 10_000 }), 400, 'invalid_request');
    const order = { ...buildOrderRequest({ 'walnut-desk': 1 }), shippingMethod: 'express' };
    expectProblem(await system.placeOrder(order), 400, 'invalid_request');
  });

  test('keeps nothing: no order, no stock, no payment', async () => {
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
