import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { createBookRouter } from './books';
import { ApiError, invalidRequest, toErrorBody } from './errors';
import { createFaultRouter, Faults } from './faults';
import { IdempotencyKeys } from './store/idempotency';
import { openJournal } from './store/journal';
import { type JournalEntry, newId } from './store/records';
import { Store } from './store/store';
import type { SimulatorContext } from './stripe/mutations';
import { authenticate } from './stripe/params';
import { createStripeRouter } from './stripe/stripe-router';

export interface Simulator {
  /** Handles requests; the caller listens. */
  app: Express;
  /** Closes the journal. Later mutations return 500. */
  close(): void;
}

const BODY_LIMIT = '256kb';

/**
 * Restores the simulator from the journal in `journalFile`, which is created if missing. One process per journal.
 * @throws Error if the journal cannot be opened or is damaged.
 */
export function createSimulator(options: { journalFile: string }): Simulator {
  const store = new Store();
  const keys = new IdempotencyKeys();
  const faults = new Faults();
  const journal = openJournal<JournalEntry>(options.journalFile, (entry) => {
    store.apply(entry);
    keys.save(entry);
  });
  const simulation: SimulatorContext = {
    store,
    keys,
    faults,
    journal,
    now: () => Math.floor(Date.now() / 1000),
  };

  const app = express();
  app.disable('x-powered-by');
  // Stripe's clients also send nested parameters in queries.
  app.set('query parser', 'extended');
  app.use((req, res, next) => {
    res.set('request-id', newId('req'));
    for (const name of ['idempotency-key', 'stripe-version']) {
      const value = req.get(name);
      if (value) res.set(name, value);
    }
    next();
  });
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  app.use('/_simulator/faults', express.json({ limit: BODY_LIMIT }), createFaultRouter(faults));
  app.use('/_simulator/books', createBookRouter(store));
  app.use(
    '/v1',
    (req, _res, next) => {
      authenticate(req.get('authorization'));
      next();
    },
    express.urlencoded({ extended: true, limit: BODY_LIMIT }),
    createStripeRouter(simulation),
  );
  app.use((req) => {
    throw invalidRequest(`Unrecognized request URL (${req.method}: ${req.path}).`, {}, 404);
  });
  app.use(handleError);
  return { app, close: () => journal.close() };
}

/** Express recognizes an error handler by its four parameters. */
function handleError(error: unknown, req: Request, res: Response, _next: NextFunction): void {
  if (res.headersSent || req.socket.destroyed) {
    req.socket.destroy();
    return;
  }
  if (error instanceof ApiError) {
    res.status(error.status).json(toErrorBody(error.fields));
    return;
  }
  const status = getClientErrorStatus(error);
  if (status !== null) {
    res
      .status(status)
      .json(toErrorBody({ type: 'invalid_request_error', message: 'The body cannot be read.' }));
    return;
  }
  const message = error instanceof Error ? error.message : 'unknown';
  process.stderr.write(`simulator: ${req.method} ${req.path} failed: ${message}\n`);
  res
    .status(500)
    .json(toErrorBody({ type: 'api_error', message: 'An error occurred. The request was not executed.' }));
}

/** The body parsers set a 4xx `status` on errors caused by the client. */
function getClientErrorStatus(error: unknown): number | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  return error.status >= 400 && error.status < 500 ? error.status : null;
}
