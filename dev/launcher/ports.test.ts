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

test('a port that is free is accepted and left free', async () => {
  const port = await findFreePort();
  await assertPortFree({ port, variable: 'PORT', purpose: 'the API' });
  await occupy(port);
});

test('no connection that goes out can take a free port before somebody listens there', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, findFreePort));
  for (const port of ports) expect(port).toBeLessThan(32_768);
});

test('every busy port is named in a sentence of its own, with the variable that changes it', async () => {
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
  const why = 'is already in use (perhaps by an earlier run): free it or set';
  await expect(check).rejects.toThrow(
    new Error(
      `Port ${api} on 127.0.0.1, wanted for the API, ${why} PORT to another one.\n` +
        `Port ${mail} on 127.0.0.1, wanted for the mail catcher's page, ${why} MAIL_UI_PORT to another one.`,
    ),
  );
});

test('a port that is let go of in time is waited for', async () => {
  const port = await findFreePort();
  const server = await occupy(port);

  const check = assertPortsFree([{ port, variable: 'PORT', purpose: 'the API' }], 10_000);
  server.close();
  await check;
});
