import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeTime, monotonicFactory } from 'ulid';
import {
  addTraceHeaders,
  type CaughtMail,
  type CaughtMessage,
  type Envelope,
  isSameAddress,
  parseMail,
} from './message';

export interface MessagePage {
  data: CaughtMessage[];
  /** Give it back to get the next, older page; null on the last one. */
  nextCursor: string | null;
}

/** The last mails that came, newest first. */
export interface MailStore {
  add(mail: Buffer, envelope: Envelope): Promise<CaughtMail>;
  /** `to`: one recipient, in any case. `cursor`: a `nextCursor` of before. */
  list(query: { to?: string; limit: number; cursor?: string }): MessagePage;
  get(id: string): CaughtMail | undefined;
  clear(): Promise<void>;
}

/** Beside the number of mails their size is bounded too, so that large ones cannot fill the memory. */
const MAX_TOTAL_BYTES = 128 * 1024 * 1024;

const MAIL_FILE_PATTERN = /^([0-9A-HJKMNP-TV-Z]{26})\.eml$/;
const PART_FILE_PATTERN = /^[0-9A-HJKMNP-TV-Z]{26}\.part$/;

/** Opens a store. With a `directory` each mail is a file there, and what it holds is read again. */
export async function openMailStore(options: {
  maxMessages: number;
  directory?: string;
}): Promise<MailStore> {
  const { maxMessages, directory } = options;
  const nextId = monotonicFactory();
  const fileOf = (id: string, ending = 'eml'): string => path.join(directory ?? '', `${id}.${ending}`);
  /** Oldest first. */
  let mails = directory === undefined ? [] : await loadMails(directory);
  await dropOldest();

  async function forget(gone: CaughtMail[]): Promise<void> {
    if (directory === undefined) return;
    await Promise.all(gone.map(({ message }) => rm(fileOf(message.id), { force: true })));
  }

  async function dropOldest(): Promise<void> {
    let bytes = mails.reduce((sum, mail) => sum + mail.raw.length, 0);
    let count = 0;
    while (mails.length - count > maxMessages || (bytes > MAX_TOTAL_BYTES && count < mails.length - 1)) {
      bytes -= mails[count]!.raw.length;
      count += 1;
    }
    await forget(mails.splice(0, count));
  }

  return {
    async add(mail, envelope) {
      const id = nextId();
      const caught = await parseMail(id, addTraceHeaders(mail, envelope, decodeTime(id)));
      if (directory !== undefined) {
        // A kill in the middle of writing must not leave half a mail under a mail's name.
        await writeFile(fileOf(id, 'part'), caught.raw);
        await rename(fileOf(id, 'part'), fileOf(id));
      }
      mails.push(caught);
      // Two that were written at once can arrive here in the other order.
      mails.sort((a, b) => (a.message.id < b.message.id ? -1 : 1));
      await dropOldest();
      return caught;
    },
    list({ to, limit, cursor }) {
      const found = mails
        .map(({ message }) => message)
        .filter(({ id }) => cursor === undefined || id < cursor)
        .filter((message) => to === undefined || message.to.some(({ address }) => isSameAddress(address, to)))
        .reverse();
      const data = found.slice(0, limit);
      return { data, nextCursor: found.length > limit ? (data.at(-1)?.id ?? null) : null };
    },
    get: (id) => mails.find(({ message }) => message.id === id),
    async clear() {
      const gone = mails;
      mails = [];
      await forget(gone);
    },
  };
}

async function loadMails(directory: string): Promise<CaughtMail[]> {
  await mkdir(directory, { recursive: true });
  const mails: CaughtMail[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const id = MAIL_FILE_PATTERN.exec(file)?.[1];
    if (id !== undefined) mails.push(await parseMail(id, await readFile(path.join(directory, file))));
    else if (PART_FILE_PATTERN.test(file)) await rm(path.join(directory, file), { force: true });
  }
  return mails;
}
