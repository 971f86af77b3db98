import type { PlaceOrder } from '../../../api/orders/schemas';
import { DECLINED, orderOf } from '../../system/orders/orders';
import { Random } from '../random';
import type { CrashOptions } from './schedule';

export type CancelWay = 'rest' | 'signal' | 'native';

export interface CancelPlan {
  /** More than one: all at the same time. */
  ways: CancelWay[];
  /** `accepted`: as soon as the order's id is known, decided or not. */
  after: 'accepted' | 'decided';
  delayMs: number;
}

/** One customer with one order. */
export interface CustomerPlan {
  n: number;
  idempotencyKey: string;
  body: PlaceOrder;
  /** The `Prefer` header. */
  prefer: string | null;
  /** How long the first answer is waited for before the request is sent again. */
  patienceMs: number;
  /** How it hears the decision of an accepted order: by placing it again, or by reading it. */
  asks: 'again' | 'order';
  cancel: CancelPlan | null;
  /** What a warehouse receives meanwhile. */
  delivery: Delivery | null;
}

export interface Delivery {
  idempotencyKey: string;
  sku: string;
  warehouse: string;
  units: number;
}

const EVERYDAY = ['walnut-desk', 'oak-desk', 'desk-mat', 'book-bread', 'stoneware-mug', 'coffee-decaf'];
/** Fewer units than are asked for in a long run. */
const SCARCE = ['limited-50', 'limited-1'];
const SOLD_OUT = 'gooseneck-kettle';
/** What a basket must hold for there to be too little of it. */
export const MAY_RUN_OUT: readonly string[] = [...SCARCE, SOLD_OUT];

export function planCustomers({ orders, seed }: CrashOptions): CustomerPlan[] {
  const random = new Random(seed);
  return Array.from({ length: orders }, (_, n) => planCustomer(n, random));
}

function planCustomer(n: number, random: Random): CustomerPlan {
  // Every sixth shares its address of mail with another one: they are one customer to the shop.
  const email = `customer${n % 6 === 5 ? n - random.int(1, 5) : n}@mail.example`;
  const method = random.chance(0.1) ? DECLINED : random.pick(['pm_card_visa', 'pm_card_mastercard']);
  return {
    n,
    idempotencyKey: `crash-${n}`,
    body: orderOf(planBasket(random), { email, method }),
    prefer: random.pick(['respond-async', 'respond-async', 'wait=1', 'wait=1', null]),
    patienceMs: random.pick([1_500, 5_000, 25_000]),
    asks: random.pick(['again', 'order']),
    cancel: random.chance(0.4) ? planCancel(random) : null,
    delivery: random.chance(0.1) ? planDelivery(n, random) : null,
  };
}

const planDelivery = (n: number, random: Random): Delivery => ({
  idempotencyKey: `delivery-${n}`,
  sku: random.pick([...EVERYDAY, ...SCARCE]),
  warehouse: random.pick(['BER', 'RTM']),
  units: random.int(1, 5),
});

function planBasket(random: Random): Record<string, number> {
  const lines = random.sample(EVERYDAY, random.pick([1, 1, 1, 2, 4]));
  const basket = Object.fromEntries(lines.map((sku) => [sku, random.int(1, 3)]));
  if (random.chance(0.12)) basket[random.pick(SCARCE)] = random.int(1, 3);
  if (random.chance(0.04)) basket[SOLD_OUT] = 1;
  return basket;
}

function planCancel(random: Random): CancelPlan {
  const ways = random.sample<CancelWay>(['rest', 'signal', 'native'], random.chance(0.25) ? 2 : 1);
  if (ways.length === 1 && random.chance(0.15)) ways.push(...ways);
  const after = random.pick(['accepted', 'accepted', 'decided'] as const);
  return { ways, after, delayMs: random.chance(0.3) ? 0 : random.int(10, 800) };
}
