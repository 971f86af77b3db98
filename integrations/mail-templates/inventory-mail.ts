import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine } from './render-mail';

export interface InventoryMailData {
  sku: string;
  productName: string;
  /** Units that can be promised to orders. */
  available: number;
  /** Units at which the product counts as low. */
  threshold: number;
  shopName: string;
}

/** What the templates see: every text on one line. */
interface InventoryMailTemplateData extends MailTemplateData, Omit<InventoryMailData, 'shopName'> {}

const SUBJECTS: Record<InventoryMailKind, string> = { inventory_low: 'Stock is low' };

/** Writes a mail to the staff. It has no links: whoever gets it knows where stock is looked after. */
export function renderInventoryMail(kind: InventoryMailKind, data: InventoryMailData): RenderedMail {
  const view: InventoryMailTemplateData = {
    ...data,
    productName: toSingleLine(data.productName),
    shopName: toSingleLine(data.shopName),
    subject: `${SUBJECTS[kind]}: ${toSingleLine(data.productName)} (${data.sku})`,
  };
  return renderMail(kind, view);
}
