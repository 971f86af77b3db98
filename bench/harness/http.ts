import { Agent, request } from 'node:http';

export interface HttpResponse {
  status: number;
  text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
/** For open-loop loads, which send without waiting for earlier responses. */
const openLoopAgent = new Agent({ keepAlive: true, maxSockets: 2_000 });

export function send(
  url: string,
  body?: string,
  headers: Record<string, string> = {},
  connections: Agent = agent,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const req = request(
      url,
      {
        agent: connections,
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          text += chunk;
        });
        res.on('end', () => resolve({ status: res.statusCode ?? 0, text }));
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

export const sendOpenLoop = (url: string, body: string): Promise<HttpResponse> =>
  send(url, body, {}, openLoopAgent);

export const get = (url: string, headers: Record<string, string>): Promise<string> =>
  call(url, 200, undefined, headers);

/** Sends one request over a keep-alive connection. @throws Error for any status but `expected`. */
export async function call(
  url: string,
  expected: number,
  body?: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const { status, text } = await send(url, body, headers);
  if (status !== expected) throw new Error(`${url}: ${status} ${text.slice(0, 300)}`);
  return text;
}

export function closeConnections(): void {
  agent.destroy();
  openLoopAgent.destroy();
}
