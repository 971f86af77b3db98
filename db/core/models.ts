import type { Sequelize } from 'sequelize';
import { defineAuthModels } from '../auth/models';
import { defineCatalogueModels } from '../catalogue/models';
import { defineCustomerModels } from '../customers/models';
import { defineEventModels } from '../events/models';
import { defineIdempotencyModels } from '../idempotency/models';
import { defineInventoryModels } from '../inventory/models';
import { defineNotificationModels } from '../notifications/models';
import { defineOrderModels } from '../orders/models';
import { definePaymentModels } from '../payments/models';

export type Models = ReturnType<typeof defineModels>;

/** The models of all tables, bound to one database. They do not leave `db/`. */
export const defineModels = (sequelize: Sequelize) => ({
  ...defineAuthModels(sequelize),
  ...defineCatalogueModels(sequelize),
  ...defineCustomerModels(sequelize),
  ...defineEventModels(sequelize),
  ...defineIdempotencyModels(sequelize),
  ...defineInventoryModels(sequelize),
  ...defineNotificationModels(sequelize),
  ...defineOrderModels(sequelize),
  ...definePaymentModels(sequelize),
});
