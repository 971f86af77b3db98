import type { ProductImport } from '../db/catalogue/product-imports';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import type { Finding } from './findings';

/** Compares a product import with its events. */
export function checkImport(
  id: string,
  events: readonly CloudEvent[],
  stored: ProductImport | null,
): Finding[] {
  const mismatch = (detail: string): Finding[] => [{ check: 'projection_mismatch', subject: id, detail }];
  if (stored === null) return mismatch('the import is missing, its log exists');
  const isFinished = stored.endedAtMs !== null;
  const { status, rows, chunks, bodyHash, doneRows, created, updated, unchanged, faulty } = stored;
  if (created + updated + unchanged + faulty !== doneRows)
    return mismatch(`the row counts do not add up to ${doneRows}`);
  const logged = [
    ...events.filter(({ type }) => type === 'ProductImportStarted'),
    ...events.filter(({ type }) => type === 'ProductImportFinished'),
  ].map(({ type, data }) => ({ type, data }));
  const expected = [
    { type: 'ProductImportStarted', data: { rows, chunks, bodyHash } },
    ...(isFinished
      ? [{ type: 'ProductImportFinished', data: { status, created, updated, unchanged, faulty } }]
      : []),
  ];
  const [actual, log] = [canonicalJson(expected), canonicalJson(logged)];
  return actual === log ? [] : mismatch(`is ${actual}, in the log ${log}`);
}
