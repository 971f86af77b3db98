import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** An append-only file of JSON lines. Appended entries survive a killed process. */
export interface Journal<Entry> {
  /** @throws Error if the line cannot be written completely; then the file is unchanged. */
  append(entry: Entry): void;
  close(): void;
}

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/**
 * Opens or creates the file and passes each entry to `onEntry`, oldest first. Truncates an incomplete last line, which was
 * never acknowledged. Without fsync: entries survive a killed process, not a power failure.
 * @throws Error that names a complete line that is not JSON.
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
        // On a full disk a write can be partial without an error.
        for (let offset = 0; offset < line.length; ) offset += writeSync(fd, line, offset);
      } catch (error) {
        // If truncating fails, the file can end in an incomplete line: no more appends.
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

/** @returns the bytes of complete lines. Reads in chunks, because a journal can exceed the maximum string length. */
function readEntries<Entry>(fd: number, file: string, onEntry: (entry: Entry) => void): number {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let remainder = Buffer.alloc(0);
  let lineNumber = 0;
  let completeBytes = 0;
  let readBytes = 0;
  for (;;) {
    const count = readSync(fd, chunk, 0, CHUNK_BYTES, readBytes);
    if (count === 0) return completeBytes;
    readBytes += count;
    let bytes = Buffer.concat([remainder, chunk.subarray(0, count)]);
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE)) {
      lineNumber += 1;
      onEntry(parseLine<Entry>(bytes.toString('utf8', 0, end), `${file}:${lineNumber}`));
      completeBytes += end + 1;
      bytes = bytes.subarray(end + 1);
    }
    remainder = bytes;
  }
}

function parseLine<Entry>(line: string, position: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    throw new Error(`${position} is damaged: the line is not JSON`);
  }
}
