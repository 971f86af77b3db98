import { findFreePort } from '../../../dev/launcher/ports';
import { createMailCatcher, type MailCatcher } from '../../../dev/mail-catcher/catcher';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';

const HOST = '127.0.0.1';
const MAX_MAILS = 2_000;
const LIST_LIMIT = 1_000;

/** The mail server of one system and the mails it received. */
export interface TestMailServer {
  /** Newest first. */
  listTo(address: string): CaughtMessage[];
  setBehaviour: MailCatcher['setBehaviour'];
  stop(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
}

export async function startMailServer(): Promise<{ smtpUrl: string; mails: TestMailServer }> {
  const [smtpPort, httpPort] = [await findFreePort(), await findFreePort()];
  const open = () => createMailCatcher({ smtpPort, httpPort, host: HOST, maxMessages: MAX_MAILS });
  let catcher: MailCatcher | undefined = await open();
  const { store, smtpUrl } = catcher;
  const stores: MailCatcher['store'][] = [store];
  return {
    smtpUrl,
    mails: {
      listTo: (to) => stores.toReversed().flatMap((mails) => mails.list({ to, limit: LIST_LIMIT }).data),
      setBehaviour: (behaviour) => catcher?.setBehaviour(behaviour),
      async stop() {
        await catcher?.close();
        catcher = undefined;
      },
      async start() {
        catcher = await open();
        stores.push(catcher.store);
      },
    },
  };
}
