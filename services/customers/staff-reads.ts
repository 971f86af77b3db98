import { personalDataRead } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import { accessStream } from '../../domain/shared/ids';
import type { Identity } from '../auth/identity';
import { random26 } from '../auth/new-ids';
import { retryingDuplicates } from '../auth/streams';

/**
 * Writes down that somebody is about to be shown who another person is. To be called before the answer is sent: what
 * cannot be written down is not shown.
 * @param subject the customer or the order that is read.
 */
export async function recordPersonalDataRead(
  { store, now }: Pick<Identity, 'store' | 'now'>,
  actor: Actor,
  subject: string,
): Promise<void> {
  const reader = actor.id ?? actor.kind;
  const stream = accessStream(reader);
  await retryingDuplicates(() =>
    store.db.write(async (tx) => {
      const head = await store.log.lock(stream, tx);
      await store.log.append(head, [personalDataRead(reader, subject, random26(), actor, now())], tx);
    }),
  );
}
