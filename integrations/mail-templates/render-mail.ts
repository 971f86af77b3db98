import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Eta } from 'eta';

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}

/** What every template is given; each family of mails adds what it speaks of. Templates choose words, nothing else. */
export interface MailTemplateData {
  subject: string;
  shopName: string;
}

const TEMPLATES_DIR = path.join(__dirname, 'templates');

function loadTemplates(suffix: string, engine: Eta): Eta {
  for (const file of readdirSync(TEMPLATES_DIR).filter((name) => name.endsWith(suffix))) {
    engine.loadTemplate(
      `@${file.slice(0, -suffix.length)}`,
      readFileSync(path.join(TEMPLATES_DIR, file), 'utf8'),
    );
  }
  return engine;
}

// Read and compiled when the module is: a missing or broken template stops the boot, not the thousandth mail.
const htmlEngine = loadTemplates('.html.eta', new Eta({ autoEscape: true }));
const textEngine = loadTemplates('.text.eta', new Eta({ autoEscape: false, autoTrim: false }));

/** Writes a mail from its two templates: as HTML (everything escaped) and as plain text (nothing escaped). */
export function renderMail(template: string, view: MailTemplateData): RenderedMail {
  return {
    subject: view.subject,
    html: htmlEngine.render(`@${template}`, view),
    text: `${textEngine.render(`@${template}`, view).trim()}\n`,
  };
}

/** A name with line breaks could otherwise add paragraphs of its own to the plain text. */
export const toSingleLine = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

/** @throws RangeError for what is not an http(s) URL: it is about to become a link. */
export function toWebUrl(value: string): string {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw new RangeError('a link in a mail must be an http(s) URL');
  }
  return new URL(value).href;
}
