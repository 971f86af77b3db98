import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { ApiError, invalidRequest } from '../errors';
import type { Fault, Faults, Operation } from '../faults';
import { type IdempotencyKeys, toIdempotentRequest } from '../store/idempotency';
import type { Journal } from '../store/journal';
import { type ErrorFields, type JournalEntry, newId, type Outcome } from '../store/records';
import type { Store } from '../store/store';
import { toResponse } from './serializers';

export interface SimulatorContext {
  store: Store;
  keys: IdempotencyKeys;
  faults: Faults;
  journal: Journal<JournalEntry>;
  /** Unix seconds. */
  now: () => number;
}

/** A request that changes state. */
export interface Mutation {
  operation: Operation;
  orderId: string | null;
  expandCharge: boolean;
  /** Computes the outcome from the current state. Synchronous, so that mutations are serialized. */
  execute: () => Outcome;
}

/**
 * Handles a mutation: injected faults, then the idempotency key, then the effect. Executing and appending to the journal
 * are one synchronous step, so mutations are serialized. @throws ApiError if rejected before it is executed.
 */
export async function handleMutation(
  simulation: SimulatorContext,
  req: Request,
  res: Response,
  mutation: Mutation,
): Promise<void> {
  const fault = simulation.faults.consume(mutation.operation, mutation.orderId);
  switch (fault?.mode) {
    case 'fail_before':
      throw new ApiError(500, INJECTED_FAULT_ERROR);
    case 'rate_limit':
      throw invalidRequest('Too many requests hit the API too quickly.', { code: 'rate_limit' }, 429);
    case 'drop_before':
      req.socket.destroy();
      return;
  }
  try {
    const { entry, replayed } = await executeOnce(simulation, req, mutation, fault);
    if (fault?.mode === 'drop_after') return;
    if (replayed) res.set({ 'idempotent-replayed': 'true', 'original-request': entry.requestId });
    const { status, body } = toResponse(entry);
    res.status(status).json(body);
  } finally {
    if (fault?.mode === 'drop_after') req.socket.destroy();
  }
}

const INJECTED_FAULT_ERROR: ErrorFields = {
  type: 'api_error',
  message: 'Injected fault: the request was not executed.',
};
const NO_EFFECT_OUTCOME: Outcome = {
  kind: 'rejected',
  status: 500,
  error: INJECTED_FAULT_ERROR,
  intent: null,
};

async function executeOnce(
  simulation: SimulatorContext,
  req: Request,
  mutation: Mutation,
  fault: Fault | undefined,
): Promise<{ entry: JournalEntry; replayed: boolean }> {
  const { keys } = simulation;
  const request = toIdempotentRequest(req.get('idempotency-key'), req.method, req.path, req.body);
  const saved = request === null ? undefined : keys.claim(request);
  try {
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    if (saved) return { entry: saved, replayed: true };
    const entry: JournalEntry = {
      at: simulation.now(),
      requestId: newId('req'),
      request,
      expandCharge: mutation.expandCharge,
      outcome: fault?.mode === 'fail_saved' ? NO_EFFECT_OUTCOME : mutation.execute(),
      ...(fault?.mode === 'fail_after' && { failed: true }),
    };
    simulation.journal.append(entry);
    simulation.store.apply(entry);
    keys.save(entry);
    return { entry, replayed: false };
  } finally {
    if (request !== null && saved === undefined) keys.release(request);
  }
}
