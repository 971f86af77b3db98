import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';

const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;
const REQUEST_ID_HEADER = 'X-Request-Id';

/** Assigns the request id, the client's if it is valid, and logs the completed request: 5xx as `warn`, others as `debug`. */
export const createRequestLogger =
  (log: Logger) =>
  (req: Request, res: Response): void => {
    const header = req.headers['x-request-id'];
    res.setHeader(
      REQUEST_ID_HEADER,
      typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID(),
    );
    const startedMs = performance.now();
    res.once('close', () => {
      const level = res.statusCode >= 500 ? 'warn' : 'debug';
      if (!log.isLevelEnabled(level)) return;
      const fields = {
        res: { status: res.statusCode },
        responseTime: Math.round(performance.now() - startedMs),
      };
      const message = res.writableFinished ? 'request completed' : 'request aborted';
      getRequestLog(log, req, res)[level](fields, message);
    });
  };

/** @returns the id in `X-Request-Id` of the response. */
export const getRequestId = (res: Response): string => String(res.getHeader(REQUEST_ID_HEADER));

/** A logger whose lines identify the request. Neither headers nor query: they may contain secrets and personal data. */
export const getRequestLog = (log: Logger, req: Request, res: Response): Logger =>
  log.child({ req: { id: getRequestId(res), method: req.method, path: req.originalUrl.split('?')[0] } });
