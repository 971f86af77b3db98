export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps:`). */
  secure: boolean;
  /** Fail rather than go on without STARTTLS. */
  requireTls: boolean;
  credentials: { user: string; pass: string } | null;
}

const DEFAULT_PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 };

/**
 * Reads `smtp[s]://[user:password@]host[:port][?requireTLS=true|false]`. With a password TLS is required unless
 * `requireTLS=false` says otherwise, because a server that stops offering STARTTLS would get it in the clear.
 * @throws RangeError that says what is wrong and never repeats the URL, which may hold a password.
 */
export function parseSmtpUrl(smtpUrl: string): SmtpServer {
  // Node's own error for a bad URL carries the URL, hence no `new URL` that may throw past this function.
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : null;
  const defaultPort = url ? DEFAULT_PORTS[url.protocol] : undefined;
  if (!url || defaultPort === undefined || !url.hostname) {
    throw new RangeError('the SMTP URL must look like smtp://host:587 or smtps://user:password@host:465');
  }
  for (const [name, value] of url.searchParams) {
    if (name !== 'requireTLS' || (value !== 'true' && value !== 'false')) {
      throw new RangeError('the SMTP URL may have one parameter, requireTLS=true or requireTLS=false');
    }
  }
  const login = url.username
    ? { user: decodeCredential(url.username), pass: decodeCredential(url.password) }
    : null;
  const requireTls = url.searchParams.get('requireTLS') ?? String(login !== null);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port ? Number(url.port) : defaultPort,
    secure: url.protocol === 'smtps:',
    requireTls: requireTls === 'true',
    credentials: login,
  };
}

function decodeCredential(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError('the login in the SMTP URL must be percent-encoded');
  }
}
