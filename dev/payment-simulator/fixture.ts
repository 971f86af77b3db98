import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultRequest } from './faults';
import { type RunningSimulator, startSimulator } from './start';

export interface HttpResponse {
  status: number;
  headers: Headers;
  body: ResponseBody;
}

/** The response fields that tests read individually. */
export interface ResponseBody {
  id: string;
  status: string;
  amount: number;
  charge: string;
  intents: number;
  data: ResponseBody[];
  next_cursor: string | null;
  latest_charge: unknown;
  error: { code?: string; decline_code?: string; charge?: string; payment_intent: ResponseBody };
}

/** A simulator for tests on a free port with a temporary directory, and a client that sends form encoding. */
export class SimulatorFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'simulator-'));
  readonly journalFile = join(this.directory, 'simulator.jsonl');
  private running: RunningSimulator | null = null;

  get url(): string {
    if (this.running === null) throw new Error('the simulator is not running');
    return this.running.url;
  }

  async start(): Promise<this> {
    this.running = await startSimulator({ journalFile: this.journalFile });
    return this;
  }

  async stop(): Promise<void> {
    await this.running?.close(0);
    this.running = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Names of `params` are encoded as by Stripe's clients: `metadata[order_id]`. */
  async post(
    path: string,
    params: Record<string, string | number> = {},
    key?: string,
  ): Promise<HttpResponse> {
    const body = new URLSearchParams(
      Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const headers = { authorization: 'Bearer sk_test_fixture', ...(key && { 'idempotency-key': key }) };
    return toHttpResponse(await fetch(this.url + path, { method: 'POST', body, headers }));
  }

  async get(path: string): Promise<HttpResponse> {
    return toHttpResponse(
      await fetch(this.url + path, { headers: { authorization: 'Bearer sk_test_fixture' } }),
    );
  }

  async injectFault(fault: FaultRequest): Promise<HttpResponse> {
    const headers = { 'content-type': 'application/json' };
    return toHttpResponse(
      await fetch(`${this.url}/_simulator/faults`, { method: 'POST', headers, body: JSON.stringify(fault) }),
    );
  }

  async clearFaults(): Promise<HttpResponse> {
    return toHttpResponse(await fetch(`${this.url}/_simulator/faults`, { method: 'DELETE' }));
  }

  /** Creates an intent of 41.90 EUR; `params` override the defaults. */
  async createIntent(params: Record<string, string | number> = {}, key?: string): Promise<HttpResponse> {
    return this.post('/v1/payment_intents', { amount: 4190, currency: 'eur', ...params }, key);
  }

  /** Creates a captured or, with `capture_method: manual`, authorized intent. @returns its id. */
  async createPaidIntent(params: Record<string, string | number> = {}): Promise<string> {
    const { body } = await this.createIntent({ payment_method: 'pm_card_visa', confirm: 'true', ...params });
    return body.id;
  }
}

async function toHttpResponse(response: Response): Promise<HttpResponse> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : JSON.parse(text),
  };
}
