import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Eta } from 'eta';
import type { EmailAddress } from '../../integrations/smtp/email-address';
import type { CaughtMail, CaughtMessage } from './message';
import type { Behaviour } from './smtp';

export interface Page {
  html: string;
  contentSecurityPolicy: string;
}

export type MailTab = 'html' | 'text' | 'headers' | 'raw';

const eta = new Eta({ autoEscape: true });
for (const name of ['layout', 'list', 'mail']) {
  eta.loadTemplate(`@${name}`, readFileSync(path.join(__dirname, 'views', `${name}.eta`), 'utf8'));
}

/** The newest mails first, without further pages. */
export function renderListPage(messages: CaughtMessage[], behaviour: Behaviour): Page {
  return renderPage('@list', {
    title: 'Mail catcher',
    behaviour,
    messages: messages.map((message) => ({ ...toSummary(message), preview: toPreview(message.text ?? '') })),
  });
}

/** One mail. Without a `view`: HTML if the mail has it, otherwise its text. */
export function renderMailPage(mail: CaughtMail, view: MailTab | null): Page {
  const { message } = mail;
  return renderPage('@mail', {
    ...toSummary(message),
    title: message.subject || '(no subject)',
    messageId: message.messageId ?? 'none',
    view: view ?? (message.html === null ? 'text' : 'html'),
    hasHtml: message.html !== null,
    text: message.text,
    headers: mail.headers,
    raw: mail.raw.toString('utf8'),
  });
}

/**
 * The mail's HTML for a frame. It cannot run scripts, load resources or submit forms, and has a separate origin even if
 * opened outside the frame. Links open in a new tab.
 */
export function renderMailFrame({ message }: CaughtMail): Page {
  return {
    html: `<base target="_blank">${message.html ?? ''}`,
    contentSecurityPolicy:
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
      "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
  };
}

function renderPage(template: string, data: object): Page {
  const nonce = randomBytes(16).toString('base64');
  return {
    html: eta.render(template, { ...data, nonce }),
    contentSecurityPolicy:
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
      "frame-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  };
}

const toSummary = (message: CaughtMessage) => ({
  id: message.id,
  subject: message.subject || '(no subject)',
  from: message.from ? formatAddress(message.from) : '(unknown)',
  to: message.to.map(formatAddress).join(', ') || '(no recipient)',
  receivedAt: message.receivedAt,
  received: `${message.receivedAt.slice(0, 19).replace('T', ' ')} UTC`,
});

const formatAddress = ({ name, address }: EmailAddress): string => (name ? `${name} <${address}>` : address);

const PREVIEW_LENGTH = 140;
const toPreview = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, PREVIEW_LENGTH);
