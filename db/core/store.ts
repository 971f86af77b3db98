import { type Accounts, createAccounts } from '../auth/accounts';
import { type ApiKeys, createApiKeys } from '../auth/api-keys';
import { createOneTimeTokens, type OneTimeTokens } from '../auth/one-time-tokens';
import { createRateLimits, type RateLimits } from '../auth/rate-limits';
import { createRegistrations, type Registrations } from '../auth/registrations';
import { createSessions, type Sessions } from '../auth/sessions';
import { type CatalogueVersion, createCatalogueVersion } from '../catalogue/catalogue-version';
import { createProductChanges, type ProductChanges } from '../catalogue/product-changes';
import { createProductImports, type ProductImports } from '../catalogue/product-imports';
import { createProducts, type Products } from '../catalogue/products';
import { type Addresses, createAddresses } from '../customers/addresses';
import { type Contacts, createContacts } from '../customers/contacts';
import { createPersonalData, type PersonalData } from '../customers/personal-data';
import { createEventLog, type EventLog } from '../events/event-log';
import { createFeed, type Feed } from '../events/feed';
import { createIdempotencyKeys, type IdempotencyKeys } from '../idempotency/idempotency-keys';
import { createStock, type Stock } from '../inventory/stock';
import { createStockItems, type StockItems } from '../inventory/stock-items';
import { createStockMovements, type StockMovements } from '../inventory/stock-movements';
import { createWarehouses, type Warehouses } from '../inventory/warehouses';
import { createNotifications, type Notifications } from '../notifications/notifications';
import { createOrders, type Orders } from '../orders/orders';
import { createPlacements, type Placements } from '../orders/placements';
import { createReconciliation, type Reconciliation } from '../orders/reconciliation';
import { createPaymentLedger, type PaymentLedger } from '../payments/payment-ledger';
import type { Database } from './connect';

/** All repositories over one database. */
export interface Store {
  db: Database;
  orders: Orders;
  stock: Stock;
  stockItems: StockItems;
  movements: StockMovements;
  warehouses: Warehouses;
  ledger: PaymentLedger;
  placements: Placements;
  idempotencyKeys: IdempotencyKeys;
  contacts: Contacts;
  products: Products;
  productChanges: ProductChanges;
  productImports: ProductImports;
  catalogueVersion: CatalogueVersion;
  log: EventLog;
  feed: Feed;
  notifications: Notifications;
  reconciliation: Reconciliation;
  apiKeys: ApiKeys;
  accounts: Accounts;
  registrations: Registrations;
  sessions: Sessions;
  oneTimeTokens: OneTimeTokens;
  addresses: Addresses;
  personalData: PersonalData;
  rateLimits: RateLimits;
}

/** @param auditKey the key of the log's hashes, which is never stored in the database. */
export const createStore = (db: Database, auditKey: Buffer): Store => ({
  db,
  orders: createOrders(db),
  stock: createStock(db, createStockItems(db)),
  stockItems: createStockItems(db),
  movements: createStockMovements(db),
  warehouses: createWarehouses(db),
  ledger: createPaymentLedger(db),
  placements: createPlacements(db),
  idempotencyKeys: createIdempotencyKeys(db),
  contacts: createContacts(db),
  products: createProducts(db),
  productChanges: createProductChanges(db, createEventLog(db, auditKey)),
  productImports: createProductImports(db),
  catalogueVersion: createCatalogueVersion(db),
  log: createEventLog(db, auditKey),
  feed: createFeed(db),
  notifications: createNotifications(db),
  reconciliation: createReconciliation(db),
  apiKeys: createApiKeys(db),
  accounts: createAccounts(db),
  registrations: createRegistrations(db),
  sessions: createSessions(db),
  oneTimeTokens: createOneTimeTokens(db),
  addresses: createAddresses(db),
  personalData: createPersonalData(db),
  rateLimits: createRateLimits(db),
});
