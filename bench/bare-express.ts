import { randomUUID } from 'node:crypto';
import express from 'express';
import helmet from 'helmet';
import { pino } from 'pino';
import { pinoHttp } from 'pino-http';
import { connect } from '../db/connect';
import { createProducts } from '../db/products';
import { select } from '../db/sql';
import { readProductQuery } from '../domain/search-terms';

/**
 * `bare-express DATABASE_URL PORT`: Express with the same middleware and the same queries as the system, and nothing
 * else: the reference for reads.
 */
function main([url, port]: string[]): void {
  if (url === undefined || port === undefined) throw new Error('usage: bare-express DATABASE_URL PORT');
  const db = connect({ url });
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(
    pinoHttp({
      logger: pino({ level: 'info' }),
      genReqId: () => randomUUID(),
      customLogLevel: () => 'debug',
    }),
  );
  app.use(helmet());
  app.use(express.json());
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  app.get('/orders/:id', async (req, res) => {
    const { id } = req.params;
    const [orders, lines, contacts] = await Promise.all([
      select(db, 'SELECT * FROM orders WHERE id = :id', { id }),
      select(db, 'SELECT * FROM order_lines WHERE order_id = :id ORDER BY line', { id }),
      select(db, 'SELECT * FROM order_contacts WHERE order_id = :id', { id }),
    ]);
    res.json({ ...orders[0], lines, ...contacts[0] });
  });
  app.get('/orders', async (_req, res) => {
    res.json({ data: await select(db, 'SELECT * FROM orders ORDER BY id DESC LIMIT 21') });
  });
  app.get('/products', async (_req, res) => {
    res.json({
      data: await select(db, "SELECT * FROM products WHERE sku > '' AND active = 1 ORDER BY sku LIMIT 21"),
    });
  });
  const products = createProducts(db);
  app.get('/search', async (req, res) => {
    const query = readProductQuery(String(req.query.q));
    res.json({ data: query === null ? [] : await products.search(query, { limit: 21 }) });
  });
  app.listen(Number(port), '127.0.0.1').keepAliveTimeout = 65_000;
}

main(process.argv.slice(2));
