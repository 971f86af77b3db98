import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine } from './render-mail';

export interface InventoryMailData {
  sku: string;
  productName: string;
  /** Units available to new orders. */
  available: number;
  /** Units at which the product counts as low. */
  threshold: number;
  shopName: string;
}

/** Template data: every text on one line. */
interface InventoryMailTemplateData extends MailTemplateData, Omit<InventoryMailData, 'shopName'> {}

const SUBJECTS: Record<InventoryMailKind, string> = { inventory_low: 'Low stock' };

/** Renders a mail to staff. It has no links. */
export function renderInventoryMail(kind: InventoryMailKind, data: InventoryMailData): RenderedMail {
  const view: InventoryMailTemplateData = {
    ...data,
    productName: toSingleLine(data.productName),
    shopName: toSingleLine(data.shopName),
    subject: `${SUBJECTS[kind]}: ${toSingleLine(data.productName)} (${data.sku})`,
  };
  return renderMail(kind, view);
}
