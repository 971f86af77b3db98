import type { Request, Response } from 'express';
import helmet from 'helmet';

/** Sets helmet's headers, and `Cache-Control: no-store`, which endpoints with public content replace. */
export function setSecurityHeaders(res: Response): void {
  for (const [name, value] of SECURITY_HEADERS) res.setHeader(name, value);
}

function listHelmetHeaders(): [name: string, value: string][] {
  const headers: [string, string][] = [];
  const recorder = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  helmet({
    // The development environment uses plain HTTP; in production the TLS proxy sets these headers.
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
  })({} as Request, recorder as unknown as Response, (error?: unknown) => {
    if (error !== undefined) throw error;
  });
  return headers;
}

/** Helmet's headers are the same for every response, so they are computed once. */
const SECURITY_HEADERS = [...listHelmetHeaders(), ['Cache-Control', 'no-store'] as const];
