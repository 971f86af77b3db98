import type { Server } from 'node:http';
import { createCatcherServer } from './http';
import { type Behaviour, listenForMail } from './smtp';
import { type MailStore, openMailStore } from './store';

export interface MailCatcherOptions {
  /** 0 takes any free port. */
  smtpPort: number;
  /** 0 takes any free port. */
  httpPort: number;
  host: string;
  /** How many mails are kept; 500 unless told otherwise. */
  maxMessages?: number;
  /** Where mails outlive the process; left out, they live in memory. */
  directory?: string;
}

/** A mail server for development and tests: keeps every mail and delivers none. */
export interface MailCatcher {
  /** `smtp://host:port` */
  smtpUrl: string;
  /** `http://host:port`, without a slash at the end. */
  httpUrl: string;
  store: MailStore;
  setBehaviour(behaviour: Behaviour): void;
  close(): Promise<void>;
}

const DEFAULT_MAX_MESSAGES = 500;

/** @throws Error with one sentence when a port cannot be listened on; nothing is left open then. */
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
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    smtpUrl: `smtp://${name}:${smtp.port}`,
    httpUrl: `http://${name}:${httpPort}`,
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
  // By shape: `instanceof Error` is false for Node's own errors under jest.
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  const why = code === 'EADDRINUSE' ? 'another process uses it' : code;
  throw new Error(`The mail catcher cannot listen for ${protocol} on ${host}:${port}: ${why}.`);
}
