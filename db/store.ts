import { type Accounts, createAccounts } from './accounts';
import { type Addresses, createAddresses } from './addresses';
import { type ApiKeys, createApiKeys } from './api-keys';
import type { Database } from './connect';
import { type Contacts, createContacts } from './contacts';
import { createEventLog, type EventLog } from './event-log';
import { createFeed, type Feed } from './feed';
import { createNotifications, type Notifications } from './notifications';
import { createOneTimeTokens, type OneTimeTokens } from './one-time-tokens';
import { createOrders, type Orders } from './orders';
import { createPaymentLedger, type PaymentLedger } from './payment-ledger';
import { createPersonalData, type PersonalData } from './personal-data';
import { createPlacements, type Placements } from './placements';
import { createProductChanges, type ProductChanges } from './product-changes';
import { createProductImports, type ProductImports } from './product-imports';
import { createProducts, type Products } from './products';
import { createRateLimits, type RateLimits } from './rate-limits';
import { createReconciliation, type Reconciliation } from './reconciliation';
import { createRegistrations, type Registrations } from './registrations';
import { createSessions, type Sessions } from './sessions';
import { createStock, type Stock } from './stock';
import { createStockItems, type StockItems } from './stock-items';
import { createStockMovements, type StockMovements } from './stock-movements';
import { createWarehouses, type Warehouses } from './warehouses';

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
  contacts: Contacts;
  products: Products;
  productChanges: ProductChanges;
  productImports: ProductImports;
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

/** @param auditKey key of the log's hashes: it never goes into the database. */
export const createStore = (db: Database, auditKey: Buffer): Store => ({
  db,
  orders: createOrders(db),
  stock: createStock(db, createStockItems(db)),
  stockItems: createStockItems(db),
  movements: createStockMovements(db),
  warehouses: createWarehouses(db),
  ledger: createPaymentLedger(db),
  placements: createPlacements(db),
  contacts: createContacts(db),
  products: createProducts(db),
  productChanges: createProductChanges(db, createEventLog(db, auditKey)),
  productImports: createProductImports(db),
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
