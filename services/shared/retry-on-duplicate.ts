import { isDuplicate } from '../../db/core/connect';

const MAX_ATTEMPTS = 5;

/**
 * Runs a transaction again that lost a race for what is unique: the first event of a stream, a customer who is new. `work`
 * must begin anew each time.
 * @throws what it throws at last.
 */
export async function retryOnDuplicate<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isDuplicate(error) || tries === MAX_ATTEMPTS) throw error;
    }
  }
}
