/**
 * Where a process of this machine says whether it lives: on `HEALTH_PORT`, or, as only the API has none of its own, on
 * `PORT` (3000).
 */
export function getHealthUrl(env: Record<string, string | undefined> = process.env): string {
  return `http://127.0.0.1:${env.HEALTH_PORT || env.PORT || '3000'}/healthz`;
}
