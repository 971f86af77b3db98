import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Envelope } from './message';

/** The server's behaviour for the next mails. Tests use those other than `accept` to simulate failures. */
export const BEHAVIOURS = [
  'accept',
  /** 451 to the recipient. */
  'reject_temporary',
  /** 550 to the recipient. */
  'reject_permanent',
  /** Sends no response to MAIL FROM. */
  'hang',
  /** Stores the mail and drops the connection before the 250: for the sender, delivery is unknown. */
  'drop_after_data',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface SmtpListenerOptions {
  host: string;
  port: number;
  behaviour(): Behaviour;
  /** Resolves when the mail is stored. */
  store(mail: Buffer, envelope: Envelope): Promise<unknown>;
}

export interface SmtpListener {
  port: number;
  close(): Promise<void>;
}

const MAX_MAIL_BYTES = 5 * 1024 * 1024;

class SmtpReplyError extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Accepts mail from and to any address, without login or TLS. @throws the error of `listen`. */
export async function listenForMail(options: SmtpListenerOptions): Promise<SmtpListener> {
  const sockets = new Set<Socket>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    hideSTARTTLS: true,
    size: MAX_MAIL_BYTES,
    disableReverseLookup: true,
    banner: 'mail catcher',
    logger: false,
    onMailFrom(_address, _session, callback) {
      if (options.behaviour() !== 'hang') callback();
    },
    onRcptTo(_address, _session, callback) {
      const behaviour = options.behaviour();
      if (behaviour === 'reject_temporary') callback(new SmtpReplyError(451, 'Try again later'));
      else if (behaviour === 'reject_permanent') callback(new SmtpReplyError(550, 'No such mailbox'));
      else callback();
    },
    onData(stream, session, callback) {
      receive(stream, session).then(
        () => callback(),
        (error: unknown) => callback(error instanceof Error ? error : new Error('The mail was not stored')),
      );
    },
  });

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const mail = await readMessage(stream);
    const { mailFrom, rcptTo } = session.envelope;
    await options.store(mail, {
      from: mailFrom ? mailFrom.address : '',
      to: rcptTo.map(({ address }) => address),
    });
    if (options.behaviour() !== 'drop_after_data') return;
    for (const socket of sockets) if (socket.remotePort === session.remotePort) socket.destroy();
  }

  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      const address = server.server.address();
      resolve(typeof address === 'object' && address ? address.port : options.port);
    });
  });
  // Later errors are lost client connections; without a listener each would end the process.
  server.on('error', () => {});
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Reads a mail. SMTP requires reading all data before a rejection; data beyond the limit is discarded. */
async function readMessage(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_MAIL_BYTES) chunks.push(chunk);
  }
  if (stream.sizeExceeded || bytes > MAX_MAIL_BYTES)
    throw new SmtpReplyError(552, 'The mail is larger than 5 MB');
  return Buffer.concat(chunks);
}
