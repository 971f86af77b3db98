import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Eta } from 'eta';
import { NOTIFICATION_KINDS, type NotificationKind } from '../../domain/notifications/notification-rules';

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}

/** Data of every template; each kind of mail adds its own. Templates contain no logic beyond wording. */
export interface MailTemplateData {
  subject: string;
  shopName: string;
}

const TEMPLATES_DIR = path.join(__dirname, 'templates');

/** @throws Error if a kind of notification has no template. */
function loadTemplates(suffix: string, engine: Eta): Eta {
  const files = readdirSync(TEMPLATES_DIR).filter((name) => name.endsWith(suffix));
  const missing = NOTIFICATION_KINDS.map((kind) => kind + suffix).filter((name) => !files.includes(name));
  if (missing.length > 0) throw new Error(`missing mail templates: ${missing.join(', ')}`);
  for (const file of files) {
    engine.loadTemplate(
      `@${file.slice(0, -suffix.length)}`,
      readFileSync(path.join(TEMPLATES_DIR, file), 'utf8'),
    );
  }
  return engine;
}

// Loaded at import, so that a missing or broken template fails at startup.
const htmlEngine = loadTemplates('.html.eta', new Eta({ autoEscape: true }));
const textEngine = loadTemplates('.text.eta', new Eta({ autoEscape: false, autoTrim: false }));

/** Renders a mail from its HTML template (escaped) and its plain text template (not escaped). */
export function renderMail(kind: NotificationKind, view: MailTemplateData): RenderedMail {
  return {
    subject: view.subject,
    html: htmlEngine.render(`@${kind}`, view),
    text: `${textEngine.render(`@${kind}`, view).trim()}\n`,
  };
}

/** Removes line breaks, so that user text cannot add paragraphs or mail headers. */
export const toSingleLine = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

/** @throws RangeError if the link is not an http(s) URL. */
export function toWebUrl(value: string): string {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw new RangeError('a link in a mail must be an http(s) URL');
  }
  return new URL(value).href;
}
