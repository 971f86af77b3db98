import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, on every machine Node runs on. */
const TICK_MS = 10;

/** Milliseconds of processor time a process has used with all its threads; null where there is no /proc. */
export function getCpuMs(pid: number): number | null {
  try {
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}

/** Bytes of memory a process holds; null where there is no /proc. */
export function getResidentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
