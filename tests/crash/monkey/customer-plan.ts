import type { PlaceOrderRequest } from '../../../api/orders/schemas';
import { buildOrderRequest, DECLINED_CARD } from '../../system/orders/orders';
import { Random } from '../random';
import type { CrashOptions } from './schedule';

export type CancelMethod = 'rest' | 'signal' | 'native';

export interface CancelPlan {
  /** Several methods are used concurrently. */
  methods: CancelMethod[];
  /** `accepted`: as soon as the order id is known, even before the decision. */
  after: 'accepted' | 'decided';
  delayMs: number;
}

/** A customer with one order. */
export interface CustomerPlan {
  index: number;
  idempotencyKey: string;
  body: PlaceOrderRequest;
  /** The `Prefer` header. */
  prefer: string | null;
  /** Timeout of the first request, before it is sent again. */
  initialTimeoutMs: number;
  /** How to wait for the decision: by repeating the placement, or by reading the order. */
  pollBy: 'replay' | 'order';
  cancel: CancelPlan | null;
  /** Units that a warehouse receives after the placement. */
  stockReceipt: StockReceipt | null;
}

export interface StockReceipt {
  idempotencyKey: string;
  sku: string;
  warehouse: string;
  units: number;
}

const COMMON_SKUS = ['walnut-desk', 'oak-desk', 'desk-mat', 'book-bread', 'stoneware-mug', 'coffee-decaf'];
/** Fewer units than a long run orders. */
const SCARCE_SKUS = ['limited-50', 'limited-1'];
const SOLD_OUT_SKU = 'gooseneck-kettle';
/** The only skus that can be out of stock. */
export const LIMITED_STOCK_SKUS: readonly string[] = [...SCARCE_SKUS, SOLD_OUT_SKU];

export function planCustomers({ orders, seed }: CrashOptions): CustomerPlan[] {
  const random = new Random(seed);
  return Array.from({ length: orders }, (_, n) => planCustomer(n, random));
}

function planCustomer(n: number, random: Random): CustomerPlan {
  // Every sixth shares the email address, and so the customer id, of an earlier one.
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
  idempotencyKey: `receipt-${n}`,
  sku: random.pick([...COMMON_SKUS, ...SCARCE_SKUS]),
  warehouse: random.pick(['BER', 'RTM']),
  units: random.int(1, 5),
});

function planCart(random: Random): Record<string, number> {
  const lines = random.sample(COMMON_SKUS, random.pick([1, 1, 1, 2, 4]));
  const cart = Object.fromEntries(lines.map((sku) => [sku, random.int(1, 3)]));
  if (random.chance(0.12)) cart[random.pick(SCARCE_SKUS)] = random.int(1, 3);
  if (random.chance(0.04)) cart[SOLD_OUT_SKU] = 1;
  return cart;
}

function planCancel(random: Random): CancelPlan {
  const methods = random.sample<CancelMethod>(['rest', 'signal', 'native'], random.chance(0.25) ? 2 : 1);
  if (methods.length === 1 && random.chance(0.15)) methods.push(...methods);
  const after = random.pick(['accepted', 'accepted', 'decided'] as const);
  return { methods, after, delayMs: random.chance(0.3) ? 0 : random.int(10, 800) };
}
