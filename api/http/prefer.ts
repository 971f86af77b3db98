/** The `Prefer` header (RFC 7240), as far as it is honoured here. */
export interface Preference {
  /** Milliseconds to wait; undefined when the client did not say. */
  waitMs: number | undefined;
  /** Value of `Preference-Applied`. */
  applied: string | undefined;
}

const MAX_WAIT_SECONDS = 60;

/** Reads `respond-async` and `wait=N` (seconds, at most 60). What is malformed is ignored, as the RFC asks. */
export function parsePrefer(header: string | undefined): Preference {
  const parts = (header ?? '').split(',').map((part) => part.trim().toLowerCase());
  const wait = parts.map((part) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(part)?.[1]).find((s) => s !== undefined);
  if (wait !== undefined) {
    const seconds = Math.min(Number(wait), MAX_WAIT_SECONDS);
    return { waitMs: seconds * 1_000, applied: `wait=${seconds}` };
  }
  if (parts.includes('respond-async')) return { waitMs: 0, applied: 'respond-async' };
  return { waitMs: undefined, applied: undefined };
}
