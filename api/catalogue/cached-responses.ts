import { createHash } from 'node:crypto';
import type { Product } from '../../domain/catalogue/product';
import type { CachedPage } from '../../services/catalogue/page-cache';
import type { EndpointCall } from '../http/endpoint';
import { toETag } from '../http/request-headers';
import { toProductResponse } from './serializers';

/**
 * For guests. Five seconds take most of the load of a popular page off the API; a displayed price may be that much older,
 * because a placement reads the price itself.
 */
const PUBLIC = 'public, max-age=5, stale-while-revalidate=10';
/** With credentials: staff must see their own changes. The ETag makes the repeated request cheap. */
const PRIVATE = 'private, no-cache';
const ETAG_BYTES = 16;

/** A buffer of exactly this size: small pooled ones would keep their 8 KiB slab alive. */
function serialize(body: object): Buffer {
  const text = JSON.stringify(body);
  const buffer = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  buffer.write(text);
  return buffer;
}

/** The ETag is a hash of the content. */
export function serializePage(page: object): CachedPage {
  const body = serialize(page);
  const hash = createHash('sha256').update(body).digest().subarray(0, ETAG_BYTES);
  return { body, etag: `"${hash.toString('base64url')}"` };
}

export const serializeProduct = (product: Product): CachedPage => ({
  body: serialize(toProductResponse(product)),
  etag: toETag(product.version),
});

/** Responds with the page, or 304 when `If-None-Match` names its ETag. */
export function sendCachedPage(
  { req, res, access }: Pick<EndpointCall<object>, 'req' | 'res' | 'access'>,
  { body, etag }: CachedPage,
): void {
  const isGuest = access.principal.kind === 'guest';
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', isGuest ? PUBLIC : PRIVATE);
  res.setHeader('Vary', 'Authorization');
  if (isGuest) {
    // They concern one caller and must not be stored with a shared response.
    res.removeHeader('RateLimit');
    res.removeHeader('RateLimit-Policy');
  }
  if (req.fresh) {
    res.writeHead(304).end();
    return;
  }
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', body.length);
  res.end(body);
}
