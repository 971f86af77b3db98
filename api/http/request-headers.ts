import type { Request } from 'express';
import { AppError } from '../../domain/shared/errors';

const ETAG_LIST = /^(W\/)?"[\x21\x23-\x7e]*"( *, *(W\/)?"[\x21\x23-\x7e]*")*$/;

/**
 * The condition of a change (RFC 9110, 13.1.1): whoever changes something says which version they have seen. A tag is
 * compared as it is, so a weak one never fits.
 * @throws Failure `precondition_required` without `If-Match`, `invalid_request` for one that cannot be read.
 */
export function parseIfMatch(req: Request): (version: number) => boolean {
  const header = req.get('if-match')?.trim();
  if (header === undefined) {
    throw new AppError('precondition_required', 'Send If-Match with the ETag that you have seen.');
  }
  if (header === '*') return () => true;
  if (!ETAG_LIST.test(header)) {
    throw new AppError('invalid_request', 'If-Match is not valid.', {
      errors: [{ pointer: 'If-Match', detail: 'must be the ETag of what is to be changed' }],
    });
  }
  const tags = header.split(/ *, */);
  return (version) => tags.includes(toETag(version));
}

export const toETag = (version: number): string => `"${version}"`;
