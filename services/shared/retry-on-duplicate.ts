import { isDuplicate } from '../../db/core/connect';

const MAX_ATTEMPTS = 5;

/**
 * Retries a transaction that lost a race for a unique key, such as the first event of a stream or a new customer.
 * @throws the error of the last attempt.
 */
export async function retryOnDuplicate<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isDuplicate(error) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
