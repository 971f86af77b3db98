import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import { type MailView, oneLine, type RenderedMail, renderMail } from './render';

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
interface InventoryMailView extends MailView, Omit<InventoryMailData, 'shopName'> {}

const SUBJECTS: Record<InventoryMailKind, string> = { inventory_low: 'Stock is low' };

/** Writes a mail to the staff. It has no links: whoever gets it knows where stock is looked after. */
export function renderInventoryMail(kind: InventoryMailKind, data: InventoryMailData): RenderedMail {
  const view: InventoryMailView = {
    ...data,
    productName: oneLine(data.productName),
    shopName: oneLine(data.shopName),
    subject: `${SUBJECTS[kind]}: ${oneLine(data.productName)} (${data.sku})`,
  };
  return renderMail(kind, view);
}
