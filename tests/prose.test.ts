import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');

/** Phrases that a reader has to decode, with what to write instead. CONTRIBUTING.md has the rules behind them. */
const AVOIDED: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\b(whoever|whomever|nobody|somebody|anybody)\b/i, 'name the client, process or operator'],
  [/\banew\b/i, 'again'],
  [/\bat the (most|least)\b/i, 'at most, at least'],
  [/\baddress(es)? of mail\b|\bmail address(es)?\b/i, 'email address'],
  [/\b(go|goes|going|went) on\b/i, 'continue, resume'],
  [/\b(take|takes|taken|took|taking) (it |them |the order )?up\b/i, 'resume, accept'],
  [/\b(come|comes|came) back\b/i, 'recover, return'],
  [/\b(is|are|was|were|be|been) away\b/i, 'is unavailable'],
  [/\b(of|from) before\b(?!\.)/i, 'earlier'],
  [/\bin the meantime\b/i, 'meanwhile, concurrently'],
  [/\b(tell|tells|told|telling)\b/i, 'return, report, log, describe'],
  [/\b(say|says|said)\b/i, 'report, return, state'],
  [/\b(hear|hears|heard) (of|from|about)\b/i, 'receive'],
  [/\b(look|looks|looked|looking) (at|after)\b/i, 'read, inspect, check'],
  [/\bkept\b/i, 'stored, retained'],
  [/\b(has|have|had) (run out|ended)\b/i, 'has expired, has completed'],
  [/\bcomes? to (its|their|an) end\b/i, 'completes'],
  [/\b(give|gives|gave|given|giving) back\b/i, 'refund, void, release'],
  [/\ba try\b|\btries\b/i, 'attempt'],
  [/\bby hand\b/i, 'manually'],
  [/\bunder way\b/i, 'in progress'],
  [/\bfor good\b/i, 'permanently'],
  [/\bbehind (it|them|that)\b/i, 'after'],
  [/\b(is|are|was|were) told\b/i, 'receives'],
  [/\bcomes? to\b(?! mind)/i, 'amounts to, results in'],
  [/\bagain and again\b/i, 'repeatedly'],
  [/\bthe demo\b/i, 'the development environment'],
  [/\b(weighed and left|turned down|is dear to)\b/i, 'alternatives considered, expensive to'],
];

/** Files whose text readers see. Recorded histories, the lock file and these rules are left out. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.(ts|js|md|eta|sql|sh|yml|yaml)$|Dockerfile$|^\.ci\/run$/.test(file))
  .filter((file) => file !== 'tests/prose.test.ts' && existsSync(join(ROOT, file)));

test.each(AVOIDED)('no file contains %s (write: %s)', (phrase) => {
  const matches = files.flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => (phrase.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  expect(matches).toEqual([]);
});

test.each([
  ['Whoever is refused hears why', 0],
  ['the order goes on where it was', 4],
  ['is there an address of mail', 3],
])('the rules recognize "%s"', (sentence, rule) => {
  expect(AVOIDED[rule]?.[0].test(sentence)).toBe(true);
});
