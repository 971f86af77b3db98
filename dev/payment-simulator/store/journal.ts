import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** An append-only file of JSON lines. What `append` has returned from survives a kill of the process. */
export interface Journal<Entry> {
  /** @throws Error when the line could not be written whole; then none of it is in the file. */
  append(entry: Entry): void;
  close(): void;
}

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/**
 * Opens (or creates) the file and hands every entry in it to `onEntry`, oldest first. A last line without its end was
 * never acknowledged: it is cut off, or the next entry would be glued to it.
 * Written without fsync: the promise is about killed processes, not about power cuts.
 * @throws Error naming the line when a whole line is not JSON: that is damage, not a torn write.
 */
export function openJournal<Entry>(file: string, onEntry: (entry: Entry) => void): Journal<Entry> {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'a+');
  let sizeBytes: number;
  try {
    sizeBytes = readEntries(fd, file, onEntry);
    ftruncateSync(fd, sizeBytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let state: 'open' | 'broken' | 'closed' = 'open';

  return {
    append(entry) {
      if (state !== 'open') throw new Error(`the journal is ${state}`);
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      try {
        // A full disk can take part of a line without an error.
        for (let done = 0; done < line.length; ) done += writeSync(fd, line, done);
      } catch (error) {
        // Until the cut has succeeded the end of the file is not known to be the end of a line.
        state = 'broken';
        ftruncateSync(fd, sizeBytes);
        state = 'open';
        throw error;
      }
      sizeBytes += line.length;
    },
    close() {
      if (state === 'closed') return;
      state = 'closed';
      closeSync(fd);
    },
  };
}

/** Returns how many bytes of the file are whole lines. Reads in chunks: a journal may outgrow a string. */
function readEntries<Entry>(fd: number, file: string, onEntry: (entry: Entry) => void): number {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let lineNumber = 0;
  let wholeBytes = 0;
  let readBytes = 0;
  for (;;) {
    const count = readSync(fd, chunk, 0, CHUNK_BYTES, readBytes);
    if (count === 0) return wholeBytes;
    readBytes += count;
    let bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
      lineNumber += 1;
      onEntry(parseLine<Entry>(bytes.toString('utf8', 0, end), `${file}:${lineNumber}`));
      wholeBytes += end + 1;
      bytes = bytes.subarray(end + 1);
    }
    rest = bytes;
  }
}

function parseLine<Entry>(line: string, where: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    throw new Error(`${where} is damaged: it is not a line of JSON`);
  }
}
