import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');
const page = readFileSync(join(ROOT, 'docs/follow-an-order.md'), 'utf8');

/** Each file named on the page, with the symbols that follow it up to the next file or the end of the step. */
const symbolReferences = page.split(/\n(?=\d+\. |## )/).flatMap((step) => {
  const names = [...step.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
  const references: { file: string; symbol: string }[] = [];
  let file: string | undefined;
  for (const name of names) {
    if (/^[\w/-]+\.ts$/.test(name)) file = name;
    else if (file !== undefined && /^\w+$/.test(name)) references.push({ file, symbol: name });
  }
  return references;
});

test('the page references the code of each step', () => {
  expect(symbolReferences.length).toBeGreaterThan(25);
});

test.each(symbolReferences)('$file declares $symbol', ({ file, symbol }) => {
  const source = readFileSync(join(ROOT, file), 'utf8');
  expect(source).toMatch(
    new RegExp(`(function|const|class)\\s+${symbol}\\b|\\b${symbol}\\s*[(:]|async ${symbol}\\(`),
  );
});
