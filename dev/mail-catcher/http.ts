import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { CaughtMail } from './message';
import { type MailTab, type Page, renderListPage, renderMailFrame, renderMailPage } from './pages';
import { BEHAVIOURS, type Behaviour } from './smtp';
import type { MailStore } from './store';

export interface CatcherServerOptions {
  store: MailStore;
  behaviour(): Behaviour;
  setBehaviour(behaviour: Behaviour): void;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_BODY_BYTES = 1024;
const ID_PATTERN = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** An error response in the problem format (RFC 9457). */
class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  id: string,
) => void | Promise<void>;

/** The web pages and the JSON API of the mail catcher; the caller listens. */
export function createCatcherServer({ store, behaviour, setBehaviour }: CatcherServerOptions): Server {
  const find = (id: string): CaughtMail => {
    const mail = store.get(id);
    if (!mail) throw new ProblemError(404, 'Not found', 'No mail has this id.');
    return mail;
  };
  const routes: [RegExp, Record<string, Handler>][] = [
    [
      /^\/$/,
      {
        GET: (_request, response) =>
          sendPage(response, renderListPage(store.list({ limit: MAX_LIMIT }).data, behaviour())),
      },
    ],
    [
      /^\/mails\/([^/]+)$/,
      { GET: (_request, response, url, id) => sendPage(response, renderMailPage(find(id), parseView(url))) },
    ],
    [
      /^\/mails\/([^/]+)\/html$/,
      { GET: (_request, response, _url, id) => sendPage(response, renderMailFrame(find(id))) },
    ],
    [
      /^\/mails\/([^/]+)\/raw$/,
      {
        GET: (_request, response, _url, id) =>
          send(response, 200, 'text/plain; charset=utf-8', find(id).raw, {
            'content-security-policy': "default-src 'none'",
          }),
      },
    ],
    [
      /^\/messages$/,
      {
        GET: (_request, response, url) => sendJson(response, 200, store.list(parseListQuery(url))),
        async DELETE(_request, response) {
          await store.clear();
          response.writeHead(204).end();
        },
      },
    ],
    [
      /^\/messages\/([^/]+)$/,
      { GET: (_request, response, _url, id) => sendJson(response, 200, find(id).message) },
    ],
    [
      /^\/behaviour$/,
      {
        GET: (_request, response) => sendJson(response, 200, { mode: behaviour() }),
        async POST(request, response) {
          setBehaviour(await readBehaviour(request));
          sendJson(response, 200, { mode: behaviour() });
        },
      },
    ],
    [/^\/healthz$/, { GET: (_request, response) => sendJson(response, 200, { status: 'ok' }) }],
  ];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    if (!URL.canParse(target, 'http://catcher'))
      throw new ProblemError(400, 'Bad request', 'The URL is not valid.');
    const url = new URL(target, 'http://catcher');
    for (const [pattern, handlers] of routes) {
      const match = pattern.exec(url.pathname);
      if (!match) continue;
      const handler = handlers[request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')];
      const allow = Object.keys(handlers).join(', ');
      if (!handler)
        throw new ProblemError(405, 'Method not allowed', `Allowed methods: ${allow}.`, { allow });
      return handler(request, response, url, match[1] ?? '');
    }
    throw new ProblemError(404, 'Not found', 'No resource has this path.');
  }

  return createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const problem =
        error instanceof ProblemError
          ? error
          : new ProblemError(500, 'Internal error', 'The request failed.');
      if (response.headersSent) response.destroy();
      else {
        const { status, title, message: detail, headers } = problem;
        const body = JSON.stringify({ type: 'about:blank', title, status, detail });
        send(response, status, 'application/problem+json', body, headers);
      }
    });
  });
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...headers,
  });
  response.end(body);
}

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, 'application/json', JSON.stringify(body));

const sendPage = (response: ServerResponse, page: Page): void =>
  send(response, 200, 'text/html; charset=utf-8', page.html, {
    'content-security-policy': page.contentSecurityPolicy,
  });

function parseListQuery(url: URL): { to?: string; limit: number; cursor?: string } {
  const to = url.searchParams.get('to');
  const cursor = url.searchParams.get('cursor');
  const limit = Number(url.searchParams.get('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new ProblemError(400, 'Bad request', `limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  if (cursor !== null && !ID_PATTERN.test(cursor))
    throw new ProblemError(400, 'Bad request', 'cursor is not valid.');
  return { limit, ...(to !== null && { to }), ...(cursor !== null && { cursor }) };
}

function parseView(url: URL): MailTab | null {
  const view = url.searchParams.get('view');
  return view === 'html' || view === 'text' || view === 'headers' || view === 'raw' ? view : null;
}

async function readBehaviour(request: IncomingMessage): Promise<Behaviour> {
  // A page of another origin can submit a form, but not this content type.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new ProblemError(415, 'Unsupported media type', 'Send application/json.');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw new ProblemError(413, 'Content too large', `The body must be at most ${MAX_BODY_BYTES} bytes.`, {
        connection: 'close',
      });
    }
    chunks.push(chunk);
  }
  const mode = parseMode(Buffer.concat(chunks).toString());
  const behaviour = BEHAVIOURS.find((candidate) => candidate === mode);
  if (!behaviour) throw new ProblemError(400, 'Bad request', `mode must be one of ${BEHAVIOURS.join(', ')}.`);
  return behaviour;
}

function parseMode(body: string): unknown {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'mode' in parsed ? parsed.mode : undefined;
  } catch {
    return undefined;
  }
}
