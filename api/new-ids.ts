import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import { customerId, importId, orderId } from '../domain/ids';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_LENGTH = 26;

/** An order's id carries the millisecond it is placed in, and 80 bits nobody can guess. */
export const newOrderId = (nowMs: number): string => orderId(ulid(nowMs));

export const newImportId = (nowMs: number): string => importId(ulid(nowMs));

/** 130 random bits. */
export const newCustomerId = (): string =>
  customerId(Array.from(randomBytes(RANDOM_LENGTH), (byte) => CROCKFORD[byte % 32]).join(''));
