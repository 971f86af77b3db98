import { GENESIS, type LogRow, linkHash, type StreamHead } from '../db/events/event-log';
import type { CloudEvent } from '../domain/shared/events';
import type { Finding } from './findings';

/** One stream as it is stored. */
export interface StoredStream {
  stream: string;
  rows: LogRow[];
  head: StreamHead | undefined;
}

/** Recomputes every link of the chain with the key that is not in the database. */
export function checkChain({ stream, rows, head }: StoredStream, key: Buffer): Finding[] {
  const chain = new ChainCheck(stream, key);
  chain.add(rows);
  return chain.end(head);
}

/** The same of a stream that is read page by page. */
export class ChainCheck {
  private readonly findings: Finding[] = [];
  private before: StreamHead = GENESIS;

  constructor(
    private readonly stream: string,
    private readonly key: Buffer,
  ) {}

  /** @param rows the next ones. */
  add(rows: readonly LogRow[]): void {
    for (const row of rows) {
      const { before } = this;
      if (row.seq !== before.seq + 1) this.broken(`event ${before.seq + 1} is missing`);
      if (row.prevHash !== before.hash) this.broken(`event ${row.seq} does not follow the one before`);
      if (row.hash !== linkHash(this.key, row)) this.broken(`event ${row.seq} was altered`);
      else if (!columnsMatch(row)) this.broken(`the columns of event ${row.seq} were altered`);
      this.before = { seq: row.seq, hash: row.hash };
    }
  }

  /** Whether all that has been added is as it was written. */
  get isWhole(): boolean {
    return this.findings.length === 0;
  }

  get isEmpty(): boolean {
    return this.before === GENESIS;
  }

  end(head: StreamHead | undefined): Finding[] {
    if (head === undefined) this.broken('the head of the stream is missing');
    else if (head.seq !== this.before.seq || head.hash !== this.before.hash) {
      this.broken(`the head says ${head.seq} events, the log has ${this.before.seq}`);
    }
    return this.findings;
  }

  private broken(detail: string): void {
    this.findings.push({ check: 'chain_broken', subject: this.stream, detail });
  }
}

/** Columns repeat the body for the sake of indexes; the hash covers the body. */
function columnsMatch(row: LogRow): boolean {
  try {
    const event = JSON.parse(row.body) as CloudEvent;
    return (
      event.id === row.eventKey &&
      event.type === row.type &&
      event.topic === row.topic &&
      event.subject === row.subject
    );
  } catch {
    return false;
  }
}

/** Holds the log against what the workflow's history was told: position → hash. */
export function checkAnchors(
  { stream, rows }: StoredStream,
  anchors: ReadonlyMap<number, string>,
): Finding[] {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  const findings = [...anchors].flatMap(([seq, hash]): Finding[] => {
    const row = bySeq.get(seq);
    if (row === undefined) {
      return [{ check: 'log_incomplete', subject: stream, detail: `the history tells of event ${seq}` }];
    }
    if (row.hash === hash) return [];
    return [
      { check: 'anchor_mismatch', subject: stream, detail: `the history has another hash of event ${seq}` },
    ];
  });
  const told = Math.max(0, ...anchors.keys());
  const unknown = rows.filter((row) => row.seq > told).length;
  if (unknown > 0 && findings.length === 0) {
    const detail = `the history does not know the last ${unknown} events`;
    findings.push({ check: 'anchor_mismatch', subject: stream, detail });
  }
  return findings;
}
