import type { CatalogueVersion } from '../../db/catalogue/catalogue-version';
import { type CachedPage, PageCache, type PageCacheLimits } from './page-cache';

/** Age after which the version is read again. It bounds the age of a page, also when another process changes products. */
export const VERSION_TTL_MS = 500;
const LIMITS: PageCacheLimits = { pages: 2_000, bytes: 8 * 1024 * 1024 };

/**
 * Serialized pages of the current catalogue version, for callers that all see the same. The version is read before the
 * page is loaded, so a page is never older than its version.
 */
export class CatalogueCache {
  private readonly pages: PageCache;
  /** Loads in progress, by version and key. */
  private readonly loads = new Map<string, Promise<CachedPage | null>>();
  /** The version of `pages`. */
  private version = '';
  private expiresAtMs = Number.NEGATIVE_INFINITY;
  private reading: Promise<string> | null = null;

  constructor(
    private readonly versions: CatalogueVersion,
    limits: PageCacheLimits = LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.pages = new PageCache(limits);
  }

  get size(): PageCache['size'] {
    return this.pages.size;
  }

  /**
   * Concurrent requests of one page load it once.
   * @param load returns null for what does not exist; it is not stored.
   */
  async get<P extends CachedPage | null>(key: string, load: () => Promise<P>): Promise<P> {
    const isCurrent = this.now() < this.expiresAtMs;
    const version = isCurrent ? this.version : await (this.reading ?? this.readVersion());
    const stored = version === this.version ? this.pages.get(key) : undefined;
    return (stored ?? this.loads.get(`${version} ${key}`) ?? this.load(version, key, load)) as P | Promise<P>;
  }

  /** Called after a change in this process, whose next read then returns it. Also when its outcome is unknown. */
  invalidate(): void {
    this.expiresAtMs = Number.NEGATIVE_INFINITY;
    // A read in progress may precede the change: only requests that already wait for it use it.
    this.reading = null;
  }

  private readVersion(): Promise<string> {
    const startedAtMs = this.now();
    const reading = this.versions
      .read()
      .then((version) => {
        if (this.reading === reading) this.setVersion(version, startedAtMs + VERSION_TTL_MS);
        return version;
      })
      .finally(() => {
        if (this.reading === reading) this.reading = null;
      });
    this.reading = reading;
    return reading;
  }

  private setVersion(version: string, expiresAtMs: number): void {
    if (version !== this.version) this.pages.clear();
    this.version = version;
    this.expiresAtMs = expiresAtMs;
  }

  private load(
    version: string,
    key: string,
    load: () => Promise<CachedPage | null>,
  ): Promise<CachedPage | null> {
    const loadKey = `${version} ${key}`;
    const loading = load()
      .then((page) => {
        if (page !== null && version === this.version) this.pages.add(key, page);
        return page;
      })
      .finally(() => this.loads.delete(loadKey));
    this.loads.set(loadKey, loading);
    return loading;
  }
}
