import * as orders from './001-orders';
import * as log from './002-log';
import * as reconciliation from './003-reconciliation';
import * as shippingMethod from './004-shipping-method';
import * as subjects from './005-subjects';
import * as apiKeys from './006-api-keys';
import * as catalogue from './007-catalogue';
import * as inventory from './008-inventory';
import * as identity from './009-identity';
import * as rateLimits from './010-rate-limits';
import * as lastRotation from './011-last-rotation';
import * as warehouseFlag from './012-warehouse-flag';
import type { Migration } from './migration';

/** In the order they are applied; a name that has been released is never changed. */
export const MIGRATIONS: [name: string, { up: Migration; down: Migration }][] = [
  ['001-orders', orders],
  ['002-log', log],
  ['003-reconciliation', reconciliation],
  ['004-shipping-method', shippingMethod],
  ['005-subjects', subjects],
  ['006-api-keys', apiKeys],
  ['007-catalogue', catalogue],
  ['008-inventory', inventory],
  ['009-identity', identity],
  ['010-rate-limits', rateLimits],
  ['011-last-rotation', lastRotation],
  ['012-warehouse-flag', warehouseFlag],
];
