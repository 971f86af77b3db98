import type { ReplaceProductRequest } from '../../api/catalogue/schemas';
import type { ApiContext } from '../../api/http/context';
import { isDuplicate } from '../../db/core/connect';
import {
  deactivateProduct as deactivated,
  createProduct as newProduct,
  type Product,
  type ProductChange,
  type ProductData,
  replaceProduct as replaced,
} from '../../domain/catalogue/product';
import { unitPriceRule } from '../../domain/catalogue/product-rules';
import type { Actor } from '../../domain/orders/order';
import { AppError, type ErrorDetail } from '../../domain/shared/errors';

type Context = Pick<ApiContext, 'store' | 'priceRules'>;
/** Whether the version that is there is one that the caller has seen. */
type VersionCheck = (version: number) => boolean;

/** @throws Failure `sku_taken`, also for a product that is not sold any more; `invalid_request` for the price. */
export async function createProduct(
  ctx: Context,
  sku: string,
  body: ReplaceProductRequest,
  actor: Actor,
): Promise<Product> {
  const facts = toProductData(ctx, sku, body);
  const taken = () => new AppError('sku_taken', `There is a product ${sku}, or there was one.`, { sku });
  try {
    return await changeProduct(ctx, sku, actor, (before) => {
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
  body: ReplaceProductRequest,
  seen: VersionCheck,
  actor: Actor,
): Promise<Product> {
  const facts = toProductData(ctx, sku, body);
  return changeProduct(ctx, sku, actor, (before) => replaced(assertVersion(before, seen), facts, Date.now()));
}

/** Orders refer to it, so it stays. @throws Failure `not_found`, `precondition_failed` */
export const deactivateProduct = (
  ctx: Context,
  sku: string,
  seen: VersionCheck,
  actor: Actor,
): Promise<Product> =>
  changeProduct(ctx, sku, actor, (before) => deactivated(assertVersion(before, seen), Date.now()));

export const productNotFound = () => new AppError('not_found', 'There is no such product.');

/** @param decide what becomes of the product; null: it stays as it is. */
function changeProduct(
  { store: { db, products, productChanges } }: Context,
  sku: string,
  actor: Actor,
  decide: (before: Product | null) => ProductChange | null,
): Promise<Product> {
  return db.write(async (tx) => {
    const before = (await products.lock([sku], tx)).get(sku) ?? null;
    const decided = decide(before);
    if (decided !== null) await productChanges.saveChanges([decided], actor, tx);
    return decided?.after ?? assertVersion(before, () => true);
  });
}

function assertVersion(before: Product | null, seen: VersionCheck): Product {
  if (before === null) throw productNotFound();
  if (seen(before.version)) return before;
  throw new AppError(
    'precondition_failed',
    'The product has changed since you have seen it. Read it again.',
    {
      version: before.version,
    },
  );
}

function toProductData(
  { priceRules }: Context,
  sku: string,
  { price, ...rest }: ReplaceProductRequest,
): ProductData {
  const { currency } = priceRules;
  const rule = unitPriceRule(currency);
  const errors: ErrorDetail[] = [
    ...(price.currency === currency
      ? []
      : [{ pointer: '/price/currency', detail: `must be ${currency}: this shop has no other currency` }]),
    ...(rule.isValid(price.amount) ? [] : [{ pointer: '/price/amount', detail: rule.requirement }]),
  ];
  if (errors.length > 0) throw new AppError('invalid_request', 'Some fields are not valid.', { errors });
  return { sku, ...rest, unitPriceMinor: price.amount, currency };
}
