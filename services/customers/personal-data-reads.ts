import { personalDataRead } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import { readerStream } from '../../domain/shared/ids';
import type { AuthDependencies } from '../auth/auth-dependencies';
import { generateRandomId } from '../shared/new-ids';
import { retryOnDuplicate } from '../shared/retry-on-duplicate';

/**
 * Records a read of personal data in the log. Call it before the response: data whose read cannot be recorded is not sent.
 * @param subject id of the customer or the order.
 */
export async function recordPersonalDataRead(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  actor: Actor,
  subject: string,
): Promise<void> {
  const reader = actor.id ?? actor.kind;
  const stream = readerStream(reader);
  await retryOnDuplicate(() =>
    store.db.write(async (tx) => {
      const head = await store.log.lockHead(stream, tx);
      await store.log.append(head, [personalDataRead(reader, subject, generateRandomId(), actor, now())], tx);
    }),
  );
}
