import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Counters } from './invariants';

/** A defect of a guaranteed property, and the counter that must detect it. */
export interface Mutation {
  name: string;
  counter: keyof Counters;
  file: string;
  edits: readonly (readonly [original: string, mutated: string])[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'each payment attempt uses a new idempotency key',
    counter: 'doublePayments',
    file: 'activities/payments.ts',
    edits: [
      [
        'const key = paymentAttemptKey(orderId, attempt);\n      return callProvider(async () => {\n        const created',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: quoted source
        'const key = `${paymentAttemptKey(orderId, attempt)}:${Date.now()}`;\n      return callProvider(async () => {\n        const created',
      ],
      ['provider.authorize({ key, intentId,', 'provider.authorize({ key, intentId: created.id,'],
      // The first response of each payment is lost: harmless with a stable key.
      ['const HEARTBEAT_MS = 3_000;', 'const HEARTBEAT_MS = 3_000;\nconst answered = new Set<string>();'],
      [
        "case 'captured': {\n            // The provider",
        "case 'captured': {\n            if (!answered.has(orderId)) {\n              answered.add(orderId);\n              throw new Error('lost');\n            }\n            // The provider",
      ],
    ],
  },
  {
    name: 'the reservation of a closed order is not released',
    counter: 'stockDrift',
    file: 'activities/orders.ts',
    edits: [
      [
        '= await stock.release(orderId, atMs, tx);',
        '= { allocations: [], items: [] } as Awaited<ReturnType<typeof stock.release>>;',
      ],
    ],
  },
  {
    name: 'a cancelled order is not refunded',
    counter: 'moneyDrift',
    file: 'activities/payments.ts',
    edits: [['if (refundableMinor > 0) {', 'if (refundableMinor < 0) {']],
  },
  {
    name: 'the idempotency key of a placement is not stored',
    counter: 'lost',
    file: 'services/orders/place-order.ts',
    edits: [['await claim(id, tx);', '']],
  },
  {
    name: 'a cancellation by Temporal is ignored',
    counter: 'lost',
    file: 'workflows/orders/inbox.ts',
    edits: [
      ["this.post({ action: 'cancel', request: createTemporalCancellation(Date.now()) })", 'undefined'],
    ],
  },
  {
    name: 'the stored event differs from the hashed one',
    counter: 'chainBreaks',
    file: 'db/events/event-log.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: quoted source
    edits: [['      body,\n      prevHash,', '      body: `${body} `,\n      prevHash,']],
  },
  {
    name: 'a payment cannot be reversed',
    counter: 'stuck',
    file: 'activities/payments.ts',
    edits: [['const intent = await provider.retrieve(intentId);', "throw new Error('broken');"]],
  },
  {
    name: 'an event sends no notification',
    counter: 'unsent',
    file: 'domain/notifications/notification-rules.ts',
    edits: [["case 'OrderCancelled':\n      return 'order_cancelled';", '']],
  },
  {
    name: 'the intent of a declined payment is not voided',
    counter: 'findings',
    file: 'activities/payments.ts',
    edits: [
      [
        // biome-ignore lint/suspicious/noTemplateCurlyInString: quoted source
        "await provider.void({ key: `${key}:void`, intentId: intentId as string });\n          return {\n            outcome: 'declined'",
        "return {\n            outcome: 'declined'",
      ],
    ],
  },
  {
    name: 'orders are rejected despite available stock',
    counter: 'lost',
    file: 'db/inventory/stock.ts',
    edits: [
      [
        'before.flatMap(({ levels }) => levels),',
        '/[0-9]$/.test(order.id) ? [] : before.flatMap(({ levels }) => levels),',
      ],
    ],
  },
  {
    name: 'a payment is not recorded in the ledger',
    counter: 'findings',
    file: 'activities/orders.ts',
    edits: [["ledger: [toLedgerEntry(order, 'captured', paid)],", 'ledger: [],']],
  },
];

const ROOT = resolve(__dirname, '../..');
const EXCLUDED_PATHS = new Set(['.git', '.data', '.cache', 'dist', 'node_modules']);

/** @returns the mutated source. @throws Error when the source no longer contains a snippet. */
export function applyMutation({ name, file, edits }: Mutation): string {
  let code = readFileSync(join(ROOT, file), 'utf8');
  for (const [original, mutated] of edits) {
    if (original === '' || !code.includes(original)) {
      throw new Error(`${name}: ${file} has changed; adapt the mutation`);
    }
    code = code.replace(original, () => mutated);
  }
  return code;
}

/** Copies the project and applies the mutation to the copy. @returns the folder of the copy. */
export function createMutatedCopy(mutation: Mutation): string {
  const code = applyMutation(mutation);
  const dir = mkdtempSync(join(tmpdir(), 'orders-mutated-'));
  const isCopied = (path: string) => !EXCLUDED_PATHS.has(path.slice(ROOT.length + 1));
  cpSync(ROOT, dir, { recursive: true, filter: isCopied });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  mkdirSync(join(dir, '.cache'));
  writeFileSync(join(dir, mutation.file), code);
  return dir;
}
