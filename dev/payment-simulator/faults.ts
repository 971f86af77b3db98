import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { invalidRequest } from './errors';
import { newId } from './store/records';

export const OPERATIONS = ['create', 'confirm', 'capture', 'cancel', 'refund'] as const;
export type Operation = (typeof OPERATIONS)[number];

const FAULT_MODES = [
  'fail_before',
  'drop_before',
  'drop_after',
  'delay',
  'rate_limit',
  'fail_saved',
  'fail_after',
] as const;

const MAX_DELAY_MS = 600_000;

const faultRequestSchema = z
  .strictObject({
    operation: z.enum([...OPERATIONS, '*']),
    /**
     * `fail_before`, `drop_before`, `rate_limit`: not executed, not stored. `drop_after`: executed, the response is lost.
     * `fail_saved` (not executed), `fail_after` (executed): the response is 500, stored under the request's key.
     */
    mode: z.enum(FAULT_MODES),
    /** The number of requests affected; null: all until the fault is cleared. */
    times: z.int().positive().nullable().default(1),
    delayMs: z.int().positive().max(MAX_DELAY_MS).optional(),
    match: z.strictObject({ orderId: z.string().min(1).optional() }).optional(),
  })
  .refine((fault) => (fault.mode === 'delay') === (fault.delayMs !== undefined), {
    path: ['delayMs'],
    message: 'is required for mode delay and not allowed for other modes',
  });

export type FaultRequest = z.input<typeof faultRequestSchema>;
/** `times`: the number of requests still to affect. */
export type Fault = z.output<typeof faultRequestSchema> & { id: string };

/** Injected faults, in memory only: a restart clears them. */
export class Faults {
  private list: Fault[] = [];

  /** @throws ApiError 400 that names the invalid field. */
  add(body: unknown): Fault {
    const parsed = faultRequestSchema.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw invalidRequest(`${issue!.path.join('.') || 'body'}: ${issue!.message}`);
    }
    const fault = { ...parsed.data, id: newId('flt') };
    this.list.push(fault);
    return fault;
  }

  getAll(): readonly Fault[] {
    return this.list;
  }

  clear(): void {
    this.list = [];
  }

  /** Returns the oldest fault that applies to this request and decrements its `times`. */
  consume(operation: Operation, orderId: string | null): Fault | undefined {
    const fault = this.list.find(
      ({ operation: faulty, match }) =>
        (faulty === '*' || faulty === operation) &&
        (match?.orderId === undefined || match.orderId === orderId),
    );
    if (fault && fault.times !== null) {
      fault.times -= 1;
      if (fault.times === 0) this.list = this.list.filter((other) => other !== fault);
    }
    return fault;
  }
}

/** `POST`, `GET` and `DELETE /_simulator/faults`. */
export function createFaultRouter(faults: Faults): Router {
  return Router()
    .post('/', (req: Request, res: Response) => {
      res.status(201).json({ id: faults.add(req.body).id });
    })
    .get('/', (_req: Request, res: Response) => {
      res.json({ data: faults.getAll() });
    })
    .delete('/', (_req: Request, res: Response) => {
      faults.clear();
      res.status(204).end();
    });
}
