import { createServer, type ServerResponse } from 'node:http';
import type { ProcessContext } from './lifecycle';
import type { Readiness } from './readiness';

/** Serves `GET /healthz` and `/readyz` on HEALTH_PORT; does nothing without that port. */
export async function startHealthServer(
  context: ProcessContext,
  readiness: () => Promise<Readiness>,
): Promise<void> {
  const { healthPort, host } = context.config;
  if (healthPort === undefined) return;
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      sendJson(response, 405, { status: 'method_not_allowed' });
    else if (path === '/healthz') sendJson(response, 200, { status: 'ok' });
    else if (path === '/readyz') {
      readiness().then(
        (result) => sendJson(response, result.status === 'ready' ? 200 : 503, result),
        () => sendJson(response, 503, { status: 'not_ready' }),
      );
    } else sendJson(response, 404, { status: 'not_found' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${healthPort} is already in use: set HEALTH_PORT to another port.`)
          : error,
      ),
    );
    server.listen(healthPort, host, resolve);
  });
  context.onStop('health port', async () => {
    server.close();
    server.closeAllConnections();
  });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
