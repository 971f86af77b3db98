/** Returns the liveness URL of the process on this machine: on `HEALTH_PORT`, or for the API on `PORT` (3000). */
export function getHealthUrl(env: Record<string, string | undefined> = process.env): string {
  return `http://127.0.0.1:${env.HEALTH_PORT || env.PORT || '3000'}/healthz`;
}
