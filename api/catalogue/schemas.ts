import type { FieldRule } from '../../domain/catalogue/product-rules';
import * as rules from '../../domain/catalogue/product-rules';
import { sku as anySku, Money, timestamp } from '../http/field-schemas';
import { z } from '../http/openapi/zod';
import { PageQuery } from '../http/pagination';

/** Validated by the rule; the OpenAPI document contains the part of it that JSON Schema can express. */
const textField = ({ isValid, requirement, schema }: FieldRule<string>) =>
  z.string().trim().refine(isValid, requirement).openapi(schema);

const newSku = textField(rules.SKU_RULE).openapi({
  description: `The SKU ${rules.SKU_RULE.requirement}`,
  example: 'walnut-desk',
});
const name = textField(rules.NAME_RULE).openapi({ example: 'Walnut desk' });
const description = textField(rules.DESCRIPTION_RULE).openapi({
  example: 'Oiled walnut top, 140 × 70 cm, steel legs.',
});
// The service validates currency and amount: both depend on the currency of the shop.
const price = z
  .strictObject({
    amount: z.number().openapi(rules.unitPriceRule('EUR').schema),
    currency: z.string().length(3),
  })
  .openapi({
    description: "In the minor unit of the shop's currency. Placed orders keep their price",
  });
const taxClass = z.enum(rules.TAX_CLASSES);
const weightGrams = z
  .number()
  .refine(rules.WEIGHT_GRAMS_RULE.isValid, rules.WEIGHT_GRAMS_RULE.requirement)
  .openapi({ ...rules.WEIGHT_GRAMS_RULE.schema, example: 38000 });
const imageUrl = textField(rules.IMAGE_URL_RULE)
  .nullable()
  .openapi({ description: 'An https URL, or a path on this host', example: '/images/walnut-desk.webp' });
const attributes = z
  .record(textField(rules.ATTRIBUTE_NAME_RULE), textField(rules.ATTRIBUTE_VALUE_RULE))
  .refine(rules.ATTRIBUTES_RULE.isValid, rules.ATTRIBUTES_RULE.requirement)
  .openapi({
    ...rules.ATTRIBUTES_RULE.schema,
    description: `Each ${rules.ATTRIBUTE_NAME_RULE.requirement}`,
    example: { wood: 'walnut', finish: 'oil' },
  });
const active = z.boolean().openapi({ description: 'Whether the product is sold' });

export const Product = z
  .object({
    sku: anySku,
    name: z.string(),
    description: z.string(),
    price: Money,
    taxClass,
    weightGrams: z.number().int(),
    imageUrl: z.string().nullable(),
    attributes: z.record(z.string(), z.string()),
    active,
    version: z.number().int().openapi({ description: 'Incremented by every change; the `ETag`' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi('Product');
export type Product = z.infer<typeof Product>;

const EXAMPLE = {
  name: 'Walnut desk',
  description: 'Oiled walnut top, 140 × 70 cm, steel legs.',
  price: { amount: 41900, currency: 'EUR' },
  taxClass: 'standard',
  weightGrams: 38000,
  imageUrl: '/images/walnut-desk.webp',
  attributes: { wood: 'walnut', finish: 'oil' },
} as const;

export const ReplaceProductRequest = z
  .strictObject({
    name,
    description: description.default(''),
    price,
    taxClass: taxClass.default('standard'),
    weightGrams: weightGrams.default(0),
    imageUrl: imageUrl.default(null),
    attributes: attributes.default({}),
    active: active.default(true),
  })
  .openapi('ReplaceProduct', { example: EXAMPLE });
export type ReplaceProductRequest = z.infer<typeof ReplaceProductRequest>;

export const CreateProductRequest = z
  .strictObject({ sku: newSku, ...ReplaceProductRequest.shape })
  .openapi('CreateProduct', { example: { sku: 'walnut-desk', ...EXAMPLE } });
export type CreateProductRequest = z.infer<typeof CreateProductRequest>;

const activeFilter = z.enum(['true', 'false', 'all']).default('true').openapi({
  description: '`false` and `all` include inactive products and require permission to change the catalogue',
});
export const GetProductQuery = z.strictObject({ active: activeFilter });
const MAX_QUERY_LENGTH = 200;
/** Two terms of 32 characters of 4 bytes each and a SKU of 64, in base64. */
const MAX_CURSOR_LENGTH = 600;
export const ListProductsQuery = PageQuery.extend({
  q: z.string().max(MAX_QUERY_LENGTH).optional().openapi({
    description: 'Words that must all begin a word of the name, SKU, attributes or description',
    example: 'walnut desk',
  }),
  cursor: z.string().max(MAX_CURSOR_LENGTH).optional(),
  active: activeFilter,
});

export const ProductImport = z
  .object({
    id: z.string().openapi({ example: 'imp_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
    status: z.enum(['received', 'importing', 'completed', 'cancelled', 'failed']),
    rows: z.number().int(),
    done: z.number().int().openapi({ description: 'Rows processed so far' }),
    percent: z.number().int(),
    created: z.number().int(),
    updated: z.number().int(),
    unchanged: z.number().int(),
    faulty: z.number().int().openapi({ description: 'Invalid rows, which were skipped' }),
    failure: z.string().nullable().openapi({ description: 'The reason of a failed import' }),
    createdAt: timestamp,
    endedAt: timestamp.nullable(),
    links: z.object({ self: z.string(), temporal: z.string() }),
  })
  .openapi('ProductImport');
export type ProductImport = z.infer<typeof ProductImport>;

export const ProductImportDetail = ProductImport.extend({
  faults: z
    .array(
      z.object({
        line: z.number().int().openapi({ description: 'Line of the file; the header is line 1' }),
        sku: z.string().optional(),
        field: z.string(),
        detail: z.string(),
      }),
    )
    .openapi({
      description: 'The first 1,000 invalid rows',
      example: [
        { line: 7, sku: 'walnut-desk', field: 'price', detail: 'must be an amount of EUR such as 419.00' },
      ],
    }),
}).openapi('ProductImportWithFaults');
export type ProductImportDetail = z.infer<typeof ProductImportDetail>;
