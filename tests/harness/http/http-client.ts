import { type IncomingHttpHeaders, request as send } from 'node:http';

export interface HttpResponse<T> {
  status: number;
  headers: IncomingHttpHeaders;
  /** Parsed when it is JSON, else undefined. */
  body: T;
  text: string;
}

export interface HttpRequest {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent unchanged. */
  raw?: string | Buffer;
  /** Without a byte; default 90 s. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 90_000;

/**
 * Sends one request over a separate connection. Not with `fetch`, which sets `Host` itself and prevents 304 responses to
 * conditional requests.
 * @throws the error of the connection.
 */
export function sendRequest<T>(url: string, request: HttpRequest = {}): Promise<HttpResponse<T>> {
  const { method, headers, body, raw, timeoutMs = TIMEOUT_MS } = request;
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const options = {
    method: method ?? (payload === undefined ? 'GET' : 'POST'),
    agent: false as const,
    timeout: timeoutMs,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const sent = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '') && text !== '';
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: (isJson ? JSON.parse(text) : undefined) as T,
          text,
        });
      });
    });
    sent.once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error(`${url}: no response in ${timeoutMs} ms`)));
    sent.end(payload);
  });
}
