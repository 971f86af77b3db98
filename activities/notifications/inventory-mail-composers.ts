import type { Store } from '../../db/core/store';
import type { InventoryMailKind } from '../../domain/notifications/notification-rules';
import type { CloudEvent } from '../../domain/shared/events';
import { renderInventoryMail } from '../../integrations/mail-templates/inventory-mail';
import { composeEach, type MailComposer } from './mail-composer';

/**
 * Emails about stock: one notification for each staff address.
 * @param staffAddresses in the order of the notifications' `recipient` numbers.
 */
export function createInventoryMailComposers(
  { log, products }: Pick<Store, 'log' | 'products'>,
  { shopName, staffAddresses }: { shopName: string; staffAddresses: readonly string[] },
): Record<InventoryMailKind, MailComposer> {
  return {
    inventory_low: composeEach(async ({ eventKey, recipient }) => {
      const address = staffAddresses[recipient - 1];
      const [row] = await log.findByKeys([eventKey]);
      if (address === undefined || row === undefined) return 'no_recipient';
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
    }),
  };
}
