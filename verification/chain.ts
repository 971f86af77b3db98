import { computeLinkHash, GENESIS, type LogRow, type StreamHead } from '../db/events/event-log';
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
  const chain = new ChainVerifier(stream, key);
  chain.add(rows);
  return chain.finish(head);
}

/** The same of a stream that is read page by page. */
export class ChainVerifier {
  private readonly findings: Finding[] = [];
  private previous: StreamHead = GENESIS;

  constructor(
    private readonly stream: string,
    private readonly key: Buffer,
  ) {}

  /** @param rows the next ones. */
  add(rows: readonly LogRow[]): void {
    for (const row of rows) {
      const { previous } = this;
      if (row.seq !== previous.seq + 1) this.addFinding(`event ${previous.seq + 1} is missing`);
      if (row.prevHash !== previous.hash) this.addFinding(`event ${row.seq} does not follow the one before`);
      if (row.hash !== computeLinkHash(this.key, row)) this.addFinding(`event ${row.seq} was altered`);
      else if (!columnsMatch(row)) this.addFinding(`the columns of event ${row.seq} were altered`);
      this.previous = { seq: row.seq, hash: row.hash };
    }
  }

  /** Whether all that has been added is as it was written. */
  get isIntact(): boolean {
    return this.findings.length === 0;
  }

  get isEmpty(): boolean {
    return this.previous === GENESIS;
  }

  finish(head: StreamHead | undefined): Finding[] {
    if (head === undefined) this.addFinding('the head of the stream is missing');
    else if (head.seq !== this.previous.seq || head.hash !== this.previous.hash) {
      this.addFinding(`the head says ${head.seq} events, the log has ${this.previous.seq}`);
    }
    return this.findings;
  }

  private addFinding(detail: string): void {
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
