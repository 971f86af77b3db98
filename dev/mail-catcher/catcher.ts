import type { Server } from 'node:http';
import { createCatcherServer } from './http';
import { type Behaviour, listenForMail } from './smtp';
import { type MailStore, openMailStore } from './store';

export interface MailCatcherOptions {
  /** 0: any free port. */
  smtpPort: number;
  /** 0: any free port. */
  httpPort: number;
  host: string;
  /** The number of mails stored; 500 by default. */
  maxMessages?: number;
  /** Where mails are stored; in memory only if absent. */
  directory?: string;
}

/** A mail server for development and tests: stores every mail and delivers none. */
export interface MailCatcher {
  /** `smtp://host:port` */
  smtpUrl: string;
  /** `http://host:port`, without a trailing slash. */
  httpUrl: string;
  store: MailStore;
  setBehaviour(behaviour: Behaviour): void;
  close(): Promise<void>;
}

const DEFAULT_MAX_MESSAGES = 500;

/** @throws Error with one sentence if it cannot listen on a port; the other port is closed then. */
export async function createMailCatcher(options: MailCatcherOptions): Promise<MailCatcher> {
  const { host, maxMessages = DEFAULT_MAX_MESSAGES, directory } = options;
  const store = await openMailStore({ maxMessages, ...(directory !== undefined && { directory }) });
  let behaviour: Behaviour = 'accept';
  const setBehaviour = (next: Behaviour): void => {
    behaviour = next;
  };
  const smtp = await listenForMail({
    host,
    port: options.smtpPort,
    behaviour: () => behaviour,
    store: (mail, envelope) => store.add(mail, envelope),
  }).catch((error: unknown) => throwListenError('SMTP', options.smtpPort, host, error));
  const http = createCatcherServer({ store, behaviour: () => behaviour, setBehaviour });
  const httpPort = await listen(http, options.httpPort, host).catch(async (error: unknown) => {
    await smtp.close();
    return throwListenError('HTTP', options.httpPort, host, error);
  });
  const urlHost = host.includes(':') ? `[${host}]` : host;
  return {
    smtpUrl: `smtp://${urlHost}:${smtp.port}`,
    httpUrl: `http://${urlHost}:${httpPort}`,
    store,
    setBehaviour,
    async close() {
      const httpClosed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await Promise.all([smtp.close(), httpClosed]);
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function throwListenError(protocol: string, port: number, host: string, error: unknown): never {
  // `instanceof Error` is false for Node's own errors under jest.
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  const cause = code === 'EADDRINUSE' ? 'the port is already in use' : code;
  throw new Error(`The mail catcher cannot listen for ${protocol} on ${host}:${port}: ${cause}.`);
}
