import { z } from 'zod';
import { sku } from './order';

export const InventoryItem = z
  .object({
    sku,
    onHand: z.number().int(),
    reserved: z.number().int(),
    available: z.number().int(),
    warehouses: z.array(
      z.object({
        code: z.string(),
        onHand: z.number().int(),
        reserved: z.number().int(),
        available: z.number().int(),
      }),
    ),
  })
  .openapi('InventoryItem');
export type InventoryItem = z.infer<typeof InventoryItem>;

export const Page = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
