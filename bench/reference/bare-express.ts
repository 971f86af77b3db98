import { randomUUID } from 'node:crypto';
import express, { Router } from 'express';
import helmet from 'helmet';
import { type Logger, pino } from 'pino';
import { pinoHttp } from 'pino-http';
import { resolvePrincipal } from '../../api/http/auth';
import { RateLimiter } from '../../api/http/limits/rate-limiter';
import { limitByAddress } from '../../api/http/limits/request-limits';
import { parseConfig } from '../../config/config';
import { createProducts } from '../../db/catalogue/products';
import { connect, type Database } from '../../db/core/connect';
import { select } from '../../db/core/sql';
import { createStore } from '../../db/core/store';
import { parseProductQuery } from '../../domain/catalogue/search-terms';
import { createAuthenticator } from '../../services/auth/authenticate';
import { createAccessTokens } from '../../services/auth/tokens/access-tokens';
import { createOrderTokens } from '../../services/auth/tokens/order-tokens';

/**
 * `bare-express PORT`: the reference for reads, with the system's configuration. `/` serves the same queries with the same
 * packages; `/with-middleware` adds the system's authentication and rate limit.
 */
function main([port]: string[]): void {
  if (port === undefined) throw new Error('usage: bare-express PORT');
  const config = parseConfig(process.env);
  const db = connect({ url: config.databaseUrl });
  const log = pino({ level: 'info' });
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(pinoHttp({ logger: log, genReqId: () => randomUUID(), customLogLevel: () => 'debug' }));
  app.use(helmet());
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  app.use('/with-middleware', createSystemMiddleware(db, config, log));
  app.use(express.json());
  app.use('/with-middleware', createQueryRouter(db));
  app.use(createQueryRouter(db));
  app.listen(Number(port), '127.0.0.1').keepAliveTimeout = 65_000;
}

function createSystemMiddleware(
  db: Database,
  { keys, auth, rateLimits }: ReturnType<typeof parseConfig>,
  log: Logger,
): Router {
  const store = createStore(db, keys.audit);
  const tokens = {
    accessTokens: createAccessTokens(auth),
    orderTokens: createOrderTokens(keys.orderTokens),
  };
  const limiter = new RateLimiter({ store: store.rateLimits, hashKey: keys.rateLimits, log });
  const limitAddress = limitByAddress(limiter, rateLimits);
  const authenticate = createAuthenticator({ store, ...tokens });
  const router = Router();
  router.use(async (req, res, next) => {
    await limitAddress(req, res);
    next();
  });
  router.use(async (req, _res, next) => {
    await resolvePrincipal(req.get('authorization'), authenticate);
    next();
  });
  return router;
}

function createQueryRouter(db: Database): Router {
  const router = Router();
  router.get('/orders/:id', async (req, res) => {
    const { id } = req.params;
    const [orders, lines, contacts] = await Promise.all([
      select(db, 'SELECT * FROM orders WHERE id = :id', { id }),
      select(db, 'SELECT * FROM order_lines WHERE order_id = :id ORDER BY line', { id }),
      select(db, 'SELECT * FROM order_contacts WHERE order_id = :id', { id }),
    ]);
    res.json({ ...orders[0], lines, ...contacts[0] });
  });
  router.get('/orders', async (_req, res) => {
    res.json({ data: await select(db, 'SELECT * FROM orders ORDER BY id DESC LIMIT 21') });
  });
  router.get('/products', async (_req, res) => {
    res.json({
      data: await select(db, "SELECT * FROM products WHERE sku > '' AND active = 1 ORDER BY sku LIMIT 21"),
    });
  });
  const products = createProducts(db);
  router.get('/search', async (req, res) => {
    const query = parseProductQuery(String(req.query.q));
    res.json({ data: query === null ? [] : await products.search(query, { limit: 21 }) });
  });
  return router;
}

main(process.argv.slice(2));
