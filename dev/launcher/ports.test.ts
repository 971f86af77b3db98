import { createServer, type Server } from 'node:net';
import { assertPortFree, assertPortsFree, findFreePort } from './ports';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

test('accepts a free port and leaves it free', async () => {
  const port = await findFreePort();
  await assertPortFree({ port, variable: 'PORT', purpose: 'the API' });
  await occupy(port);
});

test('finds free ports outside the ephemeral range of outgoing connections', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, findFreePort));
  for (const port of ports) expect(port).toBeLessThan(32_768);
});

test('names every port in use in a separate sentence, with the variable that changes it', async () => {
  const [api, mail, free] = [await findFreePort(), await findFreePort(), await findFreePort()];
  await occupy(api);
  await occupy(mail);

  const check = assertPortsFree(
    [
      { port: api, variable: 'PORT', purpose: 'the API' },
      { port: free, variable: 'TEMPORAL_PORT', purpose: 'Temporal' },
      { port: mail, variable: 'MAIL_UI_PORT', purpose: "the mail catcher's page" },
    ],
    0,
  );
  const reason = 'is already in use (perhaps by an earlier run): free it or set';
  await expect(check).rejects.toThrow(
    new Error(
      `Port ${api} on 127.0.0.1, needed by the API, ${reason} PORT to another port.\n` +
        `Port ${mail} on 127.0.0.1, needed by the mail catcher's page, ${reason} MAIL_UI_PORT to another port.`,
    ),
  );
});

test('waits for a port that is released in time', async () => {
  const port = await findFreePort();
  const server = await occupy(port);

  const check = assertPortsFree([{ port, variable: 'PORT', purpose: 'the API' }], 10_000);
  server.close();
  await check;
});
