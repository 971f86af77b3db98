import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Counters } from './invariants';

/** A promise of the core, broken on purpose, and the counter that has to notice. */
export interface Mutation {
  name: string;
  counter: keyof Counters;
  file: string;
  edits: readonly (readonly [sound: string, broken: string])[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'each attempt pays under a key of its own',
    counter: 'doublePayments',
    file: 'activities/payments.ts',
    edits: [
      [
        'const key = paymentAttemptKey(orderId, attempt);\n      return callProvider(async () => {\n        const created',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the broken program
        'const key = `${paymentAttemptKey(orderId, attempt)}:${Date.now()}`;\n      return callProvider(async () => {\n        const created',
      ],
      ['provider.authorize({ key, intentId,', 'provider.authorize({ key, intentId: created.id,'],
      // Harmless as long as the keys hold: the first answer of each payment is lost.
      ['const HEARTBEAT_MS = 3_000;', 'const HEARTBEAT_MS = 3_000;\nconst answered = new Set<string>();'],
      [
        "case 'captured': {\n            // The provider",
        "case 'captured': {\n            if (!answered.has(orderId)) {\n              answered.add(orderId);\n              throw new Error('lost');\n            }\n            // The provider",
      ],
    ],
  },
  {
    name: 'the stock of an order that ends is not released',
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
    name: 'a cancelled order keeps the money',
    counter: 'moneyDrift',
    file: 'activities/payments.ts',
    edits: [['if (owed > 0) {', 'if (owed < 0) {']],
  },
  {
    name: 'a placement key is not kept',
    counter: 'lost',
    file: 'services/orders/place-order.ts',
    edits: [['idempotencyKey: idempotencyKey ?? null,', 'idempotencyKey: null,']],
  },
  {
    name: "Temporal's own cancel is not heard",
    counter: 'lost',
    file: 'workflows/orders/cancellation.ts',
    edits: [['', 'async () => undefined']],
  },
  {
    name: 'another text is stored than was hashed',
    counter: 'chainBreaks',
    file: 'db/events/event-log.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the broken program
    edits: [['      body: row.body,', '      body: `${row.body} `,']],
  },
  {
    name: 'a payment cannot be undone',
    counter: 'stuck',
    file: 'activities/payments.ts',
    edits: [['const intent = await provider.retrieve(intentId);', "throw new Error('broken');"]],
  },
  {
    name: 'an event is not followed',
    counter: 'unsent',
    file: 'domain/notifications/notification-rules.ts',
    edits: [["case 'OrderCancelled':\n      return 'order_cancelled';", '']],
  },
  {
    name: 'a declined payment can still be made',
    counter: 'findings',
    file: 'activities/payments.ts',
    edits: [
      [
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of the sound program
        "await provider.void({ key: `${key}:void`, intentId: intentId as string });\n          return {\n            outcome: 'declined'",
        "return {\n            outcome: 'declined'",
      ],
    ],
  },
  {
    name: 'orders are rejected though there is stock for them',
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
    name: 'a payment is not in the ledger',
    counter: 'findings',
    file: 'activities/orders.ts',
    edits: [["ledger: [toLedgerEntry(order, 'captured', paid)],", 'ledger: [],']],
  },
];

const ROOT = resolve(__dirname, '../..');
const EXCLUDED_PATHS = new Set(['.git', '.data', '.cache', 'dist', 'node_modules']);

/**
 * Copies the project and breaks the copy.
 * @returns its folder.
 * @throws Error when the code is no longer as the breakage expects it.
 */
export function createMutatedCopy({ name, file, edits }: Mutation): string {
  const dir = mkdtempSync(join(tmpdir(), 'orders-broken-'));
  const copied = (path: string) => !EXCLUDED_PATHS.has(path.slice(ROOT.length + 1));
  cpSync(ROOT, dir, { recursive: true, filter: copied });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  mkdirSync(join(dir, '.cache'));
  const path = join(dir, file);
  let code = readFileSync(path, 'utf8');
  for (const [sound, broken] of edits) {
    if (!code.includes(sound)) throw new Error(`${name}: ${file} has changed; adapt the breakage`);
    code = code.replace(sound, () => broken);
  }
  writeFileSync(path, code);
  return dir;
}
