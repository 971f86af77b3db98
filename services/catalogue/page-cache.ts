/** A serialized response, shared by all requests that receive it. */
export interface CachedPage {
  body: Buffer;
  etag: string;
}

export interface PageCacheLimits {
  pages: number;
  /** Of bodies and keys, with an estimate of what an entry needs itself. */
  bytes: number;
}

const BYTES_PER_ENTRY = 300;
/** A larger page is not stored: it would evict many others. */
const MAX_SHARE_OF_PAGE = 1 / 8;

/** Least recently used pages leave first; a Map iterates in the order of insertion. */
class LruSegment {
  private readonly pages = new Map<string, CachedPage>();
  private bytes = 0;

  constructor(private readonly limits: PageCacheLimits) {}

  get size(): { pages: number; bytes: number } {
    return { pages: this.pages.size, bytes: this.bytes };
  }

  /** Removes the page. */
  take(key: string): CachedPage | undefined {
    const page = this.pages.get(key);
    if (page === undefined) return undefined;
    this.pages.delete(key);
    this.bytes -= measure(key, page);
    return page;
  }

  put(key: string, page: CachedPage): void {
    const bytes = measure(key, page);
    if (bytes > this.limits.bytes * MAX_SHARE_OF_PAGE) return;
    this.take(key);
    this.pages.set(key, page);
    this.bytes += bytes;
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= this.limits.pages && this.bytes <= this.limits.bytes) return;
      this.take(oldest);
    }
  }

  clear(): void {
    this.pages.clear();
    this.bytes = 0;
  }
}

const measure = (key: string, { body }: CachedPage): number => body.length + 2 * key.length + BYTES_PER_ENTRY;

/** Of the limits, for pages that were read once. */
const RECENT_SHARE = 1 / 4;

/**
 * Pages by key, bounded in number and bytes. A page that is read again moves from the recent to the frequent segment, so
 * a flood of different queries evicts only pages that were read once.
 */
export class PageCache {
  private readonly recent: LruSegment;
  private readonly frequent: LruSegment;

  constructor({ pages, bytes }: PageCacheLimits) {
    const segment = (share: number) => new LruSegment({ pages: pages * share, bytes: bytes * share });
    this.recent = segment(RECENT_SHARE);
    this.frequent = segment(1 - RECENT_SHARE);
  }

  get size(): { pages: number; bytes: number } {
    const [recent, frequent] = [this.recent.size, this.frequent.size];
    return { pages: recent.pages + frequent.pages, bytes: recent.bytes + frequent.bytes };
  }

  get(key: string): CachedPage | undefined {
    const page = this.frequent.take(key) ?? this.recent.take(key);
    if (page !== undefined) this.frequent.put(key, page);
    return page;
  }

  /** Adds a page that `get` has not found. */
  add(key: string, page: CachedPage): void {
    this.recent.put(key, page);
  }

  clear(): void {
    this.recent.clear();
    this.frequent.clear();
  }
}
