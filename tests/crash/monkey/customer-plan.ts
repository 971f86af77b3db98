import type { PlaceOrderRequest } from '../../../api/orders/schemas';
import { buildOrderRequest, DECLINED_CARD } from '../../system/orders/orders';
import { Random } from '../random';
import type { CrashOptions } from './schedule';

export type CancelMethod = 'rest' | 'signal' | 'native';

export interface CancelPlan {
  /** More than one: all at the same time. */
  methods: CancelMethod[];
  /** `accepted`: as soon as the order's id is known, decided or not. */
  after: 'accepted' | 'decided';
  delayMs: number;
}

/** One customer with one order. */
export interface CustomerPlan {
  index: number;
  idempotencyKey: string;
  body: PlaceOrderRequest;
  /** The `Prefer` header. */
  prefer: string | null;
  /** How long the first answer is waited for before the request is sent again. */
  initialTimeoutMs: number;
  /** How it hears the decision of an accepted order: by placing it again, or by reading it. */
  pollBy: 'replay' | 'order';
  cancel: CancelPlan | null;
  /** What a warehouse receives meanwhile. */
  stockReceipt: StockReceipt | null;
}

export interface StockReceipt {
  idempotencyKey: string;
  sku: string;
  warehouse: string;
  units: number;
}

const COMMON_SKUS = ['walnut-desk', 'oak-desk', 'desk-mat', 'book-bread', 'stoneware-mug', 'coffee-decaf'];
/** Fewer units than are asked for in a long run. */
const SCARCE_SKUS = ['limited-50', 'limited-1'];
const SOLD_OUT_SKU = 'gooseneck-kettle';
/** What a basket must hold for there to be too little of it. */
export const LIMITED_STOCK_SKUS: readonly string[] = [...SCARCE_SKUS, SOLD_OUT_SKU];

export function planCustomers({ orders, seed }: CrashOptions): CustomerPlan[] {
  const random = new Random(seed);
  return Array.from({ length: orders }, (_, n) => planCustomer(n, random));
}

function planCustomer(n: number, random: Random): CustomerPlan {
  // Every sixth shares its address of mail with another one: they are one customer to the shop.
  const email = `customer${n % 6 === 5 ? n - random.int(1, 5) : n}@mail.example`;
  const method = random.chance(0.1) ? DECLINED_CARD : random.pick(['pm_card_visa', 'pm_card_mastercard']);
  return {
    index: n,
    idempotencyKey: `crash-${n}`,
    body: buildOrderRequest(planCart(random), { email, method }),
    prefer: random.pick(['respond-async', 'respond-async', 'wait=1', 'wait=1', null]),
    initialTimeoutMs: random.pick([1_500, 5_000, 25_000]),
    pollBy: random.pick(['replay', 'order']),
    cancel: random.chance(0.4) ? planCancel(random) : null,
    stockReceipt: random.chance(0.1) ? planStockReceipt(n, random) : null,
  };
}

const planStockReceipt = (n: number, random: Random): StockReceipt => ({
  idempotencyKey: `delivery-${n}`,
  sku: random.pick([...COMMON_SKUS, ...SCARCE_SKUS]),
  warehouse: random.pick(['BER', 'RTM']),
  units: random.int(1, 5),
});

function planCart(random: Random): Record<string, number> {
  const lines = random.sample(COMMON_SKUS, random.pick([1, 1, 1, 2, 4]));
  const basket = Object.fromEntries(lines.map((sku) => [sku, random.int(1, 3)]));
  if (random.chance(0.12)) basket[random.pick(SCARCE_SKUS)] = random.int(1, 3);
  if (random.chance(0.04)) basket[SOLD_OUT_SKU] = 1;
  return basket;
}

function planCancel(random: Random): CancelPlan {
  const ways = random.sample<CancelMethod>(['rest', 'signal', 'native'], random.chance(0.25) ? 2 : 1);
  if (ways.length === 1 && random.chance(0.15)) ways.push(...ways);
  const after = random.pick(['accepted', 'accepted', 'decided'] as const);
  return { methods: ways, after, delayMs: random.chance(0.3) ? 0 : random.int(10, 800) };
}
