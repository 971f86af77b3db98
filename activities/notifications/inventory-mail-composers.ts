import type { Store } from '../../db/core/store';
import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import type { CloudEvent } from '../../domain/shared/events';
import { renderInventoryMail } from '../../integrations/mail-templates/inventory-mail';
import type { MailComposer } from './mail-composer';

/**
 * Mails of stock go to the staffAddresses, each to one of them.
 * @param staffAddresses email addresses, in the order in which notifications count their recipients.
 */
export function createInventoryMailComposers(
  { log, products }: Pick<Store, 'log' | 'products'>,
  { shopName, staffAddresses }: { shopName: string; staffAddresses: readonly string[] },
): Record<InventoryMailKind, MailComposer> {
  return {
    async inventory_low({ eventKey, recipient }) {
      const address = staffAddresses[recipient - 1];
      const [row] = await log.findByKeys([eventKey]);
      if (address === undefined || row === undefined) return null;
      const { sku, available, threshold } = (JSON.parse(row.body) as CloudEvent).data as {
        sku: string;
        available: number;
        threshold: number;
      };
      const [product] = await products.findBySkus([sku]);
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
