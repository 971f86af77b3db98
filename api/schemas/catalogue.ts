import { z } from 'zod';
import { Money, sku } from './order';

export const Product = z
  .object({
    sku,
    name: z.string(),
    description: z.string(),
    price: Money,
    taxClass: z.enum(['standard', 'reduced', 'zero']),
    weightGrams: z.number().int(),
  })
  .openapi('Product');

export const Page = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});
