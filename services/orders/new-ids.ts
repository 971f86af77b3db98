import { ulid } from 'ulid';
import { importId, orderId } from '../../domain/shared/ids';

/** An order's id carries the millisecond it is placed in, and 80 bits nobody can guess. */
export const newOrderId = (nowMs: number): string => orderId(ulid(nowMs));

export const newImportId = (nowMs: number): string => importId(ulid(nowMs));
