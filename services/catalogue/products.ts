import { isDuplicate } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import {
  createProduct as applyCreation,
  deactivateProduct as applyDeactivation,
  replaceProduct as applyReplacement,
  type Product,
  type ProductChange,
  type ProductData,
} from '../../domain/catalogue/product';
import { unitPriceRule } from '../../domain/catalogue/product-rules';
import type { Actor } from '../../domain/orders/order';
import type { PriceRules } from '../../domain/pricing/price-rules';
import { AppError, type ErrorDetail } from '../../domain/shared/errors';
import type { Money } from '../../domain/shared/money';
import type { CatalogueCache } from './catalogue-cache';

export interface ProductDependencies {
  store: Pick<Store, 'db' | 'products' | 'productChanges'>;
  priceRules: PriceRules;
  catalogueCache: Pick<CatalogueCache, 'invalidate'>;
}

export interface ProductInput extends Omit<ProductData, 'sku' | 'unitPriceMinor' | 'currency'> {
  price: Money;
}

/** Whether the stored version is one that the caller's precondition names. */
type VersionCheck = (version: number) => boolean;

export const productNotFound = () => new AppError('not_found', 'This product does not exist.');

/** @throws AppError `sku_taken`, also by an inactive product; `invalid_request` for the price. */
export async function createProduct(
  deps: ProductDependencies,
  sku: string,
  input: ProductInput,
  actor: Actor,
): Promise<Product> {
  const data = toProductData(deps, sku, input);
  const skuTaken = () =>
    new AppError('sku_taken', `Product ${sku} already exists, active or inactive. Use another sku.`, { sku });
  try {
    return await changeProduct(deps, sku, actor, (before) => {
      if (before !== null) throw skuTaken();
      return applyCreation(data, Date.now());
    });
  } catch (error) {
    // Created concurrently: there was no row yet to lock.
    throw isDuplicate(error) ? skuTaken() : error;
  }
}

/** @throws AppError `not_found`, `precondition_failed`, `invalid_request` */
export function replaceProduct(
  deps: ProductDependencies,
  sku: string,
  input: ProductInput,
  isExpected: VersionCheck,
  actor: Actor,
): Promise<Product> {
  const data = toProductData(deps, sku, input);
  return changeProduct(deps, sku, actor, (before) =>
    applyReplacement(assertVersion(before, isExpected), data, Date.now()),
  );
}

/** The product stays stored: orders refer to it. @throws AppError `not_found`, `precondition_failed` */
export const deactivateProduct = (
  deps: ProductDependencies,
  sku: string,
  isExpected: VersionCheck,
  actor: Actor,
): Promise<Product> =>
  changeProduct(deps, sku, actor, (before) =>
    applyDeactivation(assertVersion(before, isExpected), Date.now()),
  );

/** @param decide returns the change, or null when the product is already in the requested state. */
function changeProduct(
  { store: { db, products, productChanges }, catalogueCache }: ProductDependencies,
  sku: string,
  actor: Actor,
  decide: (before: Product | null) => ProductChange | null,
): Promise<Product> {
  const change = db.write(async (tx) => {
    const before = (await products.lock([sku], tx)).get(sku) ?? null;
    const change = decide(before);
    if (change !== null) await productChanges.saveChanges([change], actor, tx);
    return change?.after ?? assertVersion(before, () => true);
  });
  return change.finally(() => catalogueCache.invalidate());
}

function assertVersion(before: Product | null, isExpected: VersionCheck): Product {
  if (before === null) throw productNotFound();
  if (isExpected(before.version)) return before;
  throw new AppError('precondition_failed', 'The product has changed since it was read. Read it again.', {
    version: before.version,
  });
}

function toProductData(
  { priceRules: { currency } }: ProductDependencies,
  sku: string,
  { price, ...data }: ProductInput,
): ProductData {
  const rule = unitPriceRule(currency);
  const errors: ErrorDetail[] = [
    ...(price.currency === currency
      ? []
      : [{ pointer: '/price/currency', detail: `must be ${currency}, the only currency of this shop` }]),
    ...(rule.isValid(price.amount) ? [] : [{ pointer: '/price/amount', detail: rule.requirement }]),
  ];
  if (errors.length > 0) throw new AppError('invalid_request', 'Some fields are not valid.', { errors });
  return { sku, ...data, unitPriceMinor: price.amount, currency };
}
