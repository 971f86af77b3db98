import { createServer, type ServerResponse } from 'node:http';
import type { ProcessContext } from './lifecycle';
import type { Readiness } from './readiness';

/** `GET /healthz` and `/readyz` on HEALTH_PORT, for whoever looks after processes. Without that port: nothing. */
export async function startHealthServer(
  life: ProcessContext,
  readiness: () => Promise<Readiness>,
): Promise<void> {
  const { healthPort, host } = life.config;
  if (healthPort === undefined) return;
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') sendJson(response, 405, { status: 'refused' });
    else if (path === '/healthz') sendJson(response, 200, { status: 'ok' });
    else if (path === '/readyz') {
      readiness().then(
        (found) => sendJson(response, found.status === 'ready' ? 200 : 503, found),
        () => sendJson(response, 503, { status: 'not_ready' }),
      );
    } else sendJson(response, 404, { status: 'unknown' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${healthPort} is taken; set HEALTH_PORT to another one.`)
          : error,
      ),
    );
    server.listen(healthPort, host, resolve);
  });
  life.onStop('health port', async () => {
    server.close();
    server.closeAllConnections();
  });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
