import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import { addressId, customerId, importId, oneTimeTokenId, orderId, sessionId } from '../../domain/shared/ids';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_LENGTH = 26;

/** 130 random bits. */
export const generateRandomId = (): string =>
  Array.from(randomBytes(RANDOM_LENGTH), (byte) => CROCKFORD[byte % 32]).join('');

export const newCustomerId = (): string => customerId(generateRandomId());
export const newSessionId = (): string => sessionId(generateRandomId());
export const newOneTimeTokenId = (): string => oneTimeTokenId(generateRandomId());
export const newAddressId = (): string => addressId(generateRandomId());

/** Sortable by the millisecond of creation, with 80 random bits. */
export const newOrderId = (nowMs: number): string => orderId(ulid(nowMs));
export const newImportId = (nowMs: number): string => importId(ulid(nowMs));
