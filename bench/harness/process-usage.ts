import { readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second on every architecture that Node supports. */
const TICK_MS = 10;

/** CPU time in milliseconds of all threads of a process; null without /proc. */
export function getCpuMs(pid: number): number | null {
  try {
    // The name in parentheses can contain spaces; user and system time are the 12th and 13th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}

/** Resident memory of a process; null without /proc. */
export function getResidentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
