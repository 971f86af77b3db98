import { ADJUSTMENT_REASONS, MAX_ON_HAND_UNITS } from '../../domain/inventory/stock-movement';
import { countryCode, singleLineText, sku, timestamp } from '../http/field-schemas';
import { z } from '../http/openapi/zod';

const units = z.number().int();

export const warehouseCode = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9-]{0,15}$/, 'must consist of capital letters, digits and dashes')
  .openapi({ example: 'BER' });

export const StockLevel = z
  .object({
    code: z.string().openapi({ description: 'Code of the warehouse', example: 'BER' }),
    active: z.boolean(),
    onHand: units,
    reserved: units,
    available: units.openapi({ description: 'Units that orders can reserve; 0 in an inactive warehouse' }),
  })
  .openapi('StockLevel');

export const InventoryItem = z
  .object({
    sku,
    onHand: units,
    reserved: units,
    available: units,
    threshold: units
      .nullable()
      .openapi({ description: 'The product is low at this many available units or fewer' }),
    lowSince: timestamp.nullable(),
    warehouses: z.array(StockLevel),
  })
  .openapi('InventoryItem');
export type InventoryItem = z.infer<typeof InventoryItem>;

export const LowStockItem = z
  .object({ sku, available: units, threshold: units.nullable(), since: timestamp })
  .openapi('LowItem');
export type LowStockItem = z.infer<typeof LowStockItem>;

const MAX_CHANGE_UNITS = 1_000_000;

export const AdjustStockRequest = z
  .strictObject({
    warehouse: warehouseCode,
    delta: z
      .number()
      .int()
      .min(-MAX_CHANGE_UNITS)
      .max(MAX_CHANGE_UNITS)
      .refine((value) => value !== 0, 'must not be 0')
      .optional()
      .openapi({ description: 'Units to add, or to remove if negative' }),
    countedOnHand: z
      .number()
      .int()
      .min(0)
      .max(MAX_ON_HAND_UNITS)
      .optional()
      .openapi({ description: 'Counted units, instead of `delta`' }),
    reason: z.enum(ADJUSTMENT_REASONS),
    note: singleLineText(500)
      .optional()
      .openapi({ description: 'Visible to staff and stored permanently. Must not contain personal data' }),
  })
  .superRefine(({ delta, countedOnHand }, context) => {
    const addIssue = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (delta === undefined && countedOnHand === undefined) {
      addIssue('delta', 'is required without countedOnHand');
    }
    if (delta !== undefined && countedOnHand !== undefined) {
      addIssue('countedOnHand', 'must not be combined with delta');
    }
  })
  .openapi('AdjustStock', {
    example: { warehouse: 'BER', delta: 40, reason: 'received', note: 'Delivery note 4711' },
  });
export type AdjustStockRequest = z.infer<typeof AdjustStockRequest>;

export const StockMovement = z
  .object({
    id: z.string().openapi({ example: 'mov_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    sku,
    warehouse: z.string().openapi({ example: 'BER' }),
    delta: units,
    onHandAfter: units,
    reason: z.enum([...ADJUSTMENT_REASONS, 'opening']),
    note: z.string().nullable(),
    actor: z.string().openapi({
      description: 'The caller that made the adjustment',
      example: 'staff:cus_01K9Z0Q6X4J7M2V8W3Y5A1B2C3',
    }),
    at: timestamp,
  })
  .openapi('StockMovement');
export type StockMovement = z.infer<typeof StockMovement>;

export const StockAdjustmentResult = z
  .object({ movement: StockMovement, level: StockLevel })
  .openapi('AdjustedStock', { description: 'The movement and the stock level after it' });
export type StockAdjustmentResult = z.infer<typeof StockAdjustmentResult>;

export const SetThresholdRequest = z
  .strictObject({ threshold: z.number().int().min(0).max(MAX_ON_HAND_UNITS).nullable() })
  .openapi('SetThreshold', { example: { threshold: 20 } });

export const Warehouse = z
  .object({
    code: z.string().openapi({ example: 'BER' }),
    name: z.string(),
    country: countryCode,
    active: z.boolean(),
    version: z.number().int(),
  })
  .openapi('Warehouse');

const warehouseFields = { name: singleLineText(200), country: countryCode };

export const CreateWarehouseRequest = z
  .strictObject({ code: warehouseCode, ...warehouseFields, active: z.boolean().default(true) })
  .openapi('CreateWarehouse', { example: { code: 'VIE', name: 'Wien', country: 'AT', active: true } });

export const UpdateWarehouseRequest = z
  .strictObject({ ...warehouseFields, active: z.boolean() })
  .openapi('UpdateWarehouse', { example: { name: 'Wien', country: 'AT', active: false } });
