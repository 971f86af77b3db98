import type { Store } from '../../db/core/store';
import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import type { CloudEvent } from '../../domain/shared/events';
import { renderInventoryMail } from '../../integrations/mail-templates/inventory-mail';
import type { ReadMail } from './mails';

/**
 * Mails of stock go to the staff, each to one of them.
 * @param staff mail addresses, in the order in which notifications count their recipients.
 */
export function createInventoryMails(
  { log, products }: Pick<Store, 'log' | 'products'>,
  { shopName, staff }: { shopName: string; staff: readonly string[] },
): Record<InventoryMailKind, ReadMail> {
  return {
    async inventory_low({ eventKey, recipient }) {
      const address = staff[recipient - 1];
      const [row] = await log.byKeys([eventKey]);
      if (address === undefined || row === undefined) return null;
      const { sku, available, threshold } = (JSON.parse(row.body) as CloudEvent).data as {
        sku: string;
        available: number;
        threshold: number;
      };
      const [product] = await products.bySkus([sku]);
      return {
        to: { name: '', address },
        content: renderInventoryMail('inventory_low', {
          sku,
          productName: product?.name ?? sku,
          available,
          threshold,
          shopName,
        }),
      };
    },
  };
}
