export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps:`). */
  secure: boolean;
  /** Fail if the server does not offer STARTTLS. */
  requireTls: boolean;
  credentials: { user: string; pass: string } | null;
}

const DEFAULT_PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 };

/**
 * Parses `smtp[s]://[user:password@]host[:port][?requireTLS=true|false]`. TLS is required with a password unless
 * `requireTLS=false`, so that the password is never sent in plain text.
 * @throws RangeError whose message never contains the URL, which may hold a password.
 */
export function parseSmtpUrl(smtpUrl: string): SmtpServer {
  // The error of `new URL` contains the URL, so it must not be thrown from here.
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
