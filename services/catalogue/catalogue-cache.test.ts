import { CatalogueCache, VERSION_TTL_MS } from './catalogue-cache';
import type { CachedPage } from './page-cache';

const toPage = (text: string): CachedPage => ({ body: Buffer.from(text), etag: `"${text}"` });

/** A catalogue of one text, whose version is the text. */
function createCatalogue(limits?: ConstructorParameters<typeof CatalogueCache>[1]) {
  const catalogue = { text: 'first', nowMs: 0, versionReads: 0, loads: 0 };
  const cache = new CatalogueCache(
    {
      async read() {
        catalogue.versionReads += 1;
        return catalogue.text;
      },
    },
    limits,
    () => catalogue.nowMs,
  );
  const read = async (key = 'key') => {
    const page = await cache.get(key, async () => {
      catalogue.loads += 1;
      return toPage(catalogue.text);
    });
    return page.body.toString();
  };
  return { catalogue, cache, read };
}

test('loads a page and the version once', async () => {
  const { catalogue, read } = createCatalogue();
  expect(await Promise.all([read(), read(), read('other')])).toEqual(['first', 'first', 'first']);
  expect(await read()).toBe('first');
  expect(catalogue).toMatchObject({ versionReads: 1, loads: 2 });
});

test('serves a change of another process after the version has expired', async () => {
  const { catalogue, read } = createCatalogue();
  await read();
  catalogue.text = 'second';
  catalogue.nowMs = VERSION_TTL_MS - 1;
  expect(await read()).toBe('first');
  catalogue.nowMs = VERSION_TTL_MS;
  expect(await read()).toBe('second');
  // The documented bound, with half of it left for the reads themselves.
  expect(VERSION_TTL_MS).toBeLessThanOrEqual(500);
});

test('keeps its pages while the version stays the same', async () => {
  const { catalogue, read } = createCatalogue();
  for (let n = 0; n < 10; n += 1) {
    catalogue.nowMs = n * VERSION_TTL_MS;
    await read();
  }
  expect(catalogue).toMatchObject({ versionReads: 10, loads: 1 });
});

test('serves a change of this process at once', async () => {
  const { catalogue, cache, read } = createCatalogue();
  await read();
  catalogue.text = 'second';
  cache.invalidate();
  expect(await read()).toBe('second');
});

test('does not use a version whose read began before a change of this process', async () => {
  const readings: ((version: string) => void)[] = [];
  const cache = new CatalogueCache({ read: () => new Promise((resolve) => readings.push(resolve)) });
  const earlier = cache.get('key', async () => toPage('old'));
  cache.invalidate();
  const later = cache.get('key', async () => toPage('new'));
  readings[1]?.('v2');
  readings[0]?.('v1');
  expect((await later).body.toString()).toBe('new');
  await earlier;
  expect((await cache.get('key', async () => toPage('newer'))).body.toString()).toBe('new');
});

test('does not store a page that was loaded for an earlier version', async () => {
  const { catalogue, cache, read } = createCatalogue();
  let finish: (page: CachedPage) => void = () => undefined;
  const slow = cache.get('key', () => new Promise<CachedPage>((resolve) => (finish = resolve)));
  await read('other');
  catalogue.text = 'second';
  cache.invalidate();
  await read('other');
  finish(toPage('first'));
  await slow;
  expect(await read()).toBe('second');
});

test('returns an error to its waiting requests only, and stores nothing for null', async () => {
  const { cache, read } = createCatalogue();
  await expect(cache.get('key', () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  expect(await cache.get('key', async () => null)).toBeNull();
  expect(await read()).toBe('first');
});

test('does not grow with random queries, nor lose a popular page to them', async () => {
  const { catalogue, cache, read } = createCatalogue({ pages: 100, bytes: 1_000_000 });
  await read('popular');
  await read('popular');
  for (let n = 0; n < 5_000; n += 1) await read(`random ${n}`);
  expect(cache.size.pages).toBeLessThanOrEqual(100);
  const { loads } = catalogue;
  await read('popular');
  expect(catalogue.loads).toBe(loads);
});
