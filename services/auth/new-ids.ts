import { randomBytes } from 'node:crypto';
import { addressId, customerId, oneTimeTokenId, sessionId } from '../../domain/shared/ids';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_LENGTH = 26;

/** 130 random bits. */
export const random26 = (): string =>
  Array.from(randomBytes(RANDOM_LENGTH), (byte) => CROCKFORD[byte % 32]).join('');

export const newCustomerId = (): string => customerId(random26());
export const newSessionId = (): string => sessionId(random26());
export const newOneTimeTokenId = (): string => oneTimeTokenId(random26());
export const newAddressId = (): string => addressId(random26());
