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
  /** The `cursor` of the next, older page; null on the last page. */
  nextCursor: string | null;
}

/** The latest mails, newest first. */
export interface MailStore {
  add(mail: Buffer, envelope: Envelope): Promise<CaughtMail>;
  /** `to`: one recipient, case-insensitive. `cursor`: an earlier `nextCursor`. */
  list(query: { to?: string; limit: number; cursor?: string }): MessagePage;
  get(id: string): CaughtMail | undefined;
  clear(): Promise<void>;
}

/** Limits memory in addition to the number of mails. */
const MAX_TOTAL_BYTES = 128 * 1024 * 1024;

const MAIL_FILE_PATTERN = /^([0-9A-HJKMNP-TV-Z]{26})\.eml$/;
const PART_FILE_PATTERN = /^[0-9A-HJKMNP-TV-Z]{26}\.part$/;

/** Opens a store. With a `directory` each mail is stored in a file, and existing files are loaded. */
export async function openMailStore(options: {
  maxMessages: number;
  directory?: string;
}): Promise<MailStore> {
  const { maxMessages, directory } = options;
  const nextId = monotonicFactory();
  const getFile = (id: string, extension = 'eml'): string => path.join(directory ?? '', `${id}.${extension}`);
  /** Oldest first. */
  let mails = directory === undefined ? [] : await loadMails(directory);
  await evictOldest();

  async function deleteFiles(deleted: CaughtMail[]): Promise<void> {
    if (directory === undefined) return;
    await Promise.all(deleted.map(({ message }) => rm(getFile(message.id), { force: true })));
  }

  async function evictOldest(): Promise<void> {
    let bytes = mails.reduce((sum, mail) => sum + mail.raw.length, 0);
    let count = 0;
    while (mails.length - count > maxMessages || (bytes > MAX_TOTAL_BYTES && count < mails.length - 1)) {
      bytes -= mails[count]!.raw.length;
      count += 1;
    }
    await deleteFiles(mails.splice(0, count));
  }

  return {
    async add(mail, envelope) {
      const id = nextId();
      const caught = await parseMail(id, addTraceHeaders(mail, envelope, decodeTime(id)));
      if (directory !== undefined) {
        // Renamed after writing: a killed process leaves no incomplete .eml file.
        await writeFile(getFile(id, 'part'), caught.raw);
        await rename(getFile(id, 'part'), getFile(id));
      }
      mails.push(caught);
      // Concurrent writes can complete out of order.
      mails.sort((a, b) => (a.message.id < b.message.id ? -1 : 1));
      await evictOldest();
      return caught;
    },
    list({ to, limit, cursor }) {
      const matches = mails
        .map(({ message }) => message)
        .filter(({ id }) => cursor === undefined || id < cursor)
        .filter((message) => to === undefined || message.to.some(({ address }) => isSameAddress(address, to)))
        .reverse();
      const data = matches.slice(0, limit);
      return { data, nextCursor: matches.length > limit ? (data.at(-1)?.id ?? null) : null };
    },
    get: (id) => mails.find(({ message }) => message.id === id),
    async clear() {
      const deleted = mails;
      mails = [];
      await deleteFiles(deleted);
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
