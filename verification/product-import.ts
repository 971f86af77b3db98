import type { ProductImport } from '../db/catalogue/product-imports';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import type { Finding } from './findings';

/** Holds an import of products against what its events tell of its beginning and its end. */
export function checkImport(
  id: string,
  events: readonly CloudEvent[],
  stored: ProductImport | null,
): Finding[] {
  const mismatch = (detail: string): Finding[] => [{ check: 'projection_mismatch', subject: id, detail }];
  if (stored === null) return mismatch('its log is there and the import is not');
  const ended = stored.endedAtMs !== null;
  const { status, rows, chunks, bodyHash, doneRows, created, updated, unchanged, faulty } = stored;
  if (created + updated + unchanged + faulty !== doneRows)
    return mismatch(`its counts do not make ${doneRows}`);
  const told = [
    ...events.filter(({ type }) => type === 'ProductImportStarted'),
    ...events.filter(({ type }) => type === 'ProductImportFinished'),
  ].map(({ type, data }) => ({ type, data }));
  const should = [
    { type: 'ProductImportStarted', data: { rows, chunks, bodyHash } },
    ...(ended
      ? [{ type: 'ProductImportFinished', data: { status, created, updated, unchanged, faulty } }]
      : []),
  ];
  const [is, says] = [canonicalJson(should), canonicalJson(told)];
  return is === says ? [] : mismatch(`it is ${is}, the log says ${says}`);
}
