import { API_KEY_ENDPOINTS } from './auth/api-key-endpoints';
import { AUTH_ENDPOINTS } from './auth/endpoints';
import { PRODUCT_ENDPOINTS } from './catalogue/endpoints';
import { IMPORT_ENDPOINTS } from './catalogue/import-endpoints';
import { CUSTOMER_ENDPOINTS } from './customers/endpoints';
import { ME_ENDPOINTS } from './customers/me-endpoints';
import type { Endpoint } from './http/endpoint';
import { INVENTORY_ENDPOINTS } from './inventory/endpoints';
import { WAREHOUSE_ENDPOINTS } from './inventory/warehouse-endpoints';
import { OPERATIONS_ENDPOINTS } from './operations/endpoints';
import { ORDER_ENDPOINTS } from './orders/endpoints';
import { QUOTE_ENDPOINTS } from './orders/quote-endpoints';

/** Every endpoint of the API, in the order of the reference. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...ORDER_ENDPOINTS,
  ...QUOTE_ENDPOINTS,
  ...PRODUCT_ENDPOINTS,
  ...IMPORT_ENDPOINTS,
  ...INVENTORY_ENDPOINTS,
  ...WAREHOUSE_ENDPOINTS,
  ...API_KEY_ENDPOINTS,
  ...AUTH_ENDPOINTS,
  ...ME_ENDPOINTS,
  ...CUSTOMER_ENDPOINTS,
  ...OPERATIONS_ENDPOINTS,
];
