import { PageCache } from './page-cache';

const page = (bytes = 100) => ({ body: Buffer.alloc(bytes), etag: '"x"' });

test('bounds the number of pages', () => {
  const cache = new PageCache({ pages: 100, bytes: 10_000_000 });
  for (let n = 0; n < 10_000; n += 1) {
    cache.add(`once ${n}`, page());
    cache.add(`twice ${n}`, page());
    cache.get(`twice ${n}`);
  }
  expect(cache.size.pages).toBeLessThanOrEqual(100);
  expect(cache.get('twice 9999')).toBeDefined();
});

test('bounds the bytes, of keys and small pages too', () => {
  const cache = new PageCache({ pages: 1_000_000, bytes: 200_000 });
  for (let n = 0; n < 2_000; n += 1) {
    cache.add(`${n} ${'k'.repeat(500)}`, page(n % 700));
    if (n % 2 === 0) cache.get(`${n} ${'k'.repeat(500)}`);
  }
  expect(cache.size.bytes).toBeLessThanOrEqual(200_000);
  expect(cache.size.pages).toBeGreaterThan(50);
});

test('does not store a page that would evict many others', () => {
  const cache = new PageCache({ pages: 100, bytes: 80_000 });
  cache.add('small', page());
  cache.add('large', page(20_000));
  expect(cache.get('large')).toBeUndefined();
  expect(cache.get('small')).toBeDefined();
});

test('keeps pages that were read again while a flood of other pages passes', () => {
  const cache = new PageCache({ pages: 100, bytes: 1_000_000 });
  cache.add('popular', page());
  cache.get('popular');
  cache.add('read once', page());
  for (let n = 0; n < 10_000; n += 1) {
    expect(cache.get(`random ${n}`)).toBeUndefined();
    cache.add(`random ${n}`, page());
  }
  expect(cache.get('popular')).toBeDefined();
  expect(cache.get('read once')).toBeUndefined();
});
