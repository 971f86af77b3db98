import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { loadOrCreateAuditKey } from '../../config/audit-key';
import type { StartConfig } from '../../config/start';
import { DEVELOPMENT_ACCOUNTS, deriveDevelopmentPassword } from './development-accounts';

const LOCAL = '127.0.0.1';

/** Returns the base URL of the API on this machine, also when it listens on all addresses. */
export function getApiUrl({ host, port }: StartConfig): string {
  const isWildcard = ['0.0.0.0', '::'].includes(host);
  const name = isWildcard ? LOCAL : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/** Formats the text shown when everything runs: addresses, development accounts, a first order. */
export function formatWelcome(config: StartConfig): string {
  const { temporal, simulator, mailCatcher } = config;
  const api = getApiUrl(config);
  const uiUrl =
    temporal.uiUrl ?? (temporal.externalAddress ? undefined : `http://${LOCAL}:${temporal.uiPort}`);
  const pages: [string, string | undefined][] = [
    ['API', `${api}/api`],
    ['API reference', `${api}/docs`],
    ['Temporal Web UI', uiUrl && `${uiUrl}/namespaces/${temporal.namespace}/workflows`],
    ['Mail catcher', mailCatcher && `http://${LOCAL}:${mailCatcher.uiPort}`],
    ['Payments', simulator && `http://${LOCAL}:${simulator.port}/_simulator/books`],
    ['Logs', join(config.dataDir, 'logs')],
  ];
  const lines = pages.flatMap(([name, location]) => (location ? [`  ${name.padEnd(16)} ${location}`] : []));
  return `\nReady.\n${lines.join('\n')}\n${formatDevelopmentAccounts(config)}\nPlace an order:\n\n${formatExampleOrder(api)}\n\nCtrl-C stops everything. The data is stored in ${config.dataDir}.\n`;
}

function formatDevelopmentAccounts({ hasDevelopmentAccounts, dataDir }: StartConfig): string {
  if (!hasDevelopmentAccounts) return '';
  const emails = DEVELOPMENT_ACCOUNTS.map(({ role, email }) => `  ${role.padEnd(16)} ${email}`).join('\n');
  return `\nDevelopment accounts (password of all: ${deriveDevelopmentPassword(loadOrCreateAuditKey(dataDir))})\n${emails}\n`;
}

function formatExampleOrder(api: string): string {
  const order = `{"items": [{"sku": "walnut-desk", "quantity": 1}],
  "customer": {"email": "ada@example.com", "name": "Ada Byron"},
  "shippingAddress": {"name": "Ada Byron", "line1": "1 Main St", "city": "Berlin", "postalCode": "10115", "country": "DE"},
  "payment": {"method": "pm_card_visa"}}`;
  return `curl -i ${api}/api/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: ${randomUUID()}' -d '${order}'`;
}
