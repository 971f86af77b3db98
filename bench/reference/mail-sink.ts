import { listenForMail } from '../../dev/mail-catcher/smtp';

/** `mail-sink PORT`: accepts and discards mails, as a reachable mail server. */
async function main([port]: string[]): Promise<void> {
  if (port === undefined) throw new Error('usage: mail-sink PORT');
  await listenForMail({
    host: '127.0.0.1',
    port: Number(port),
    behaviour: () => 'accept',
    store: async () => undefined,
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
