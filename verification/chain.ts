import { computeLinkHash, GENESIS, type LogRow, type StreamHead } from '../db/events/event-log';
import type { CloudEvent } from '../domain/shared/events';
import type { Finding } from './findings';

/** A stored stream of the event log. */
export interface StoredStream {
  stream: string;
  rows: LogRow[];
  head: StreamHead | undefined;
}

/** Recomputes every hash of the chain with the key, which is not stored in the database. */
export function checkChain({ stream, rows, head }: StoredStream, key: Buffer): Finding[] {
  const chain = new ChainVerifier(stream, key);
  chain.add(rows);
  return chain.finish(head);
}

/** Verifies the chain of a stream that is read in pages. */
export class ChainVerifier {
  private readonly findings: Finding[] = [];
  private previous: StreamHead = GENESIS;

  constructor(
    private readonly stream: string,
    private readonly key: Buffer,
  ) {}

  /** @param rows the next rows in sequence order. */
  add(rows: readonly LogRow[]): void {
    for (const row of rows) {
      const { previous } = this;
      if (row.seq !== previous.seq + 1) this.addFinding(`event ${previous.seq + 1} is missing`);
      if (row.prevHash !== previous.hash)
        this.addFinding(`event ${row.seq} does not link to the previous event`);
      if (row.hash !== computeLinkHash(this.key, row)) this.addFinding(`event ${row.seq} was altered`);
      else if (!columnsMatch(row)) this.addFinding(`the columns of event ${row.seq} were altered`);
      this.previous = { seq: row.seq, hash: row.hash };
    }
  }

  /** Whether all rows added so far are unaltered. */
  get isIntact(): boolean {
    return this.findings.length === 0;
  }

  get isEmpty(): boolean {
    return this.previous === GENESIS;
  }

  finish(head: StreamHead | undefined): Finding[] {
    if (head === undefined) this.addFinding('the head of the stream is missing');
    else if (head.seq !== this.previous.seq || head.hash !== this.previous.hash) {
      this.addFinding(`the head is at event ${head.seq}, the log ends at event ${this.previous.seq}`);
    }
    return this.findings;
  }

  private addFinding(detail: string): void {
    this.findings.push({ check: 'chain_broken', subject: this.stream, detail });
  }
}

/** Indexed columns repeat fields of the body; the hash covers only the body. */
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

/** Compares the log with the hashes anchored in the workflow history (sequence → hash). */
export function checkAnchors(
  { stream, rows }: StoredStream,
  anchors: ReadonlyMap<number, string>,
): Finding[] {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  const findings = [...anchors].flatMap(([seq, hash]): Finding[] => {
    const row = bySeq.get(seq);
    if (row === undefined) {
      return [
        {
          check: 'log_incomplete',
          subject: stream,
          detail: `event ${seq} is in the history, not in the log`,
        },
      ];
    }
    if (row.hash === hash) return [];
    return [
      {
        check: 'anchor_mismatch',
        subject: stream,
        detail: `the history has a different hash for event ${seq}`,
      },
    ];
  });
  const lastAnchored = Math.max(0, ...anchors.keys());
  const unknown = rows.filter((row) => row.seq > lastAnchored).length;
  if (unknown > 0 && findings.length === 0) {
    const detail = `the last ${unknown} events are not in the history`;
    findings.push({ check: 'anchor_mismatch', subject: stream, detail });
  }
  return findings;
}
