import type { ReplaceProduct } from '../../api/catalogue/schemas';
import type { ApiContext } from '../../api/http/context';
import { isDuplicate } from '../../db/core/connect';
import {
  deactivateProduct as deactivated,
  createProduct as newProduct,
  type Product,
  type ProductChange,
  type ProductFacts,
  replaceProduct as replaced,
} from '../../domain/catalogue/product';
import { unitPriceMinor } from '../../domain/catalogue/product-rules';
import type { Actor } from '../../domain/orders/order';
import { Failure, type FailureDetail } from '../../domain/shared/failures';

type Context = Pick<ApiContext, 'store' | 'priceRules'>;
/** Whether the version that is there is one that the caller has seen. */
type Seen = (version: number) => boolean;

/** @throws Failure `sku_taken`, also for a product that is not sold any more; `invalid_request` for the price. */
export async function createProduct(
  ctx: Context,
  sku: string,
  body: ReplaceProduct,
  actor: Actor,
): Promise<Product> {
  const facts = factsFrom(ctx, sku, body);
  const taken = () => new Failure('sku_taken', `There is a product ${sku}, or there was one.`, { sku });
  try {
    return await change(ctx, sku, actor, (before) => {
      if (before !== null) throw taken();
      return newProduct(facts, Date.now());
    });
  } catch (error) {
    // Two that were made at the same time: there was no row yet to wait for.
    throw isDuplicate(error) ? taken() : error;
  }
}

/** @throws Failure `not_found`, `precondition_failed`, `invalid_request` */
export function replaceProduct(
  ctx: Context,
  sku: string,
  body: ReplaceProduct,
  seen: Seen,
  actor: Actor,
): Promise<Product> {
  const facts = factsFrom(ctx, sku, body);
  return change(ctx, sku, actor, (before) => replaced(asSeen(before, seen), facts, Date.now()));
}

/** Orders refer to it, so it stays. @throws Failure `not_found`, `precondition_failed` */
export const deactivateProduct = (ctx: Context, sku: string, seen: Seen, actor: Actor): Promise<Product> =>
  change(ctx, sku, actor, (before) => deactivated(asSeen(before, seen), Date.now()));

export const noSuchProduct = () => new Failure('not_found', 'There is no such product.');

/** @param decide what becomes of the product; null: it stays as it is. */
function change(
  { store: { db, products, productChanges } }: Context,
  sku: string,
  actor: Actor,
  decide: (before: Product | null) => ProductChange | null,
): Promise<Product> {
  return db.write(async (tx) => {
    const before = (await products.lock([sku], tx)).get(sku) ?? null;
    const decided = decide(before);
    if (decided !== null) await productChanges.store([decided], actor, tx);
    return decided?.after ?? asSeen(before, () => true);
  });
}

function asSeen(before: Product | null, seen: Seen): Product {
  if (before === null) throw noSuchProduct();
  if (seen(before.version)) return before;
  throw new Failure('precondition_failed', 'The product has changed since you have seen it. Read it again.', {
    version: before.version,
  });
}

function factsFrom({ priceRules }: Context, sku: string, { price, ...rest }: ReplaceProduct): ProductFacts {
  const { currency } = priceRules;
  const rule = unitPriceMinor(currency);
  const errors: FailureDetail[] = [
    ...(price.currency === currency
      ? []
      : [{ pointer: '/price/currency', detail: `must be ${currency}: this shop has no other currency` }]),
    ...(rule.holds(price.amount) ? [] : [{ pointer: '/price/amount', detail: rule.must }]),
  ];
  if (errors.length > 0) throw new Failure('invalid_request', 'Some fields are not valid.', { errors });
  return { sku, ...rest, unitPriceMinor: price.amount, currency };
}
