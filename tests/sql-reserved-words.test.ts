import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSync } from '@swc/core';

const ROOT = resolve(__dirname, '..');

/**
 * Reserved by MySQL 8.4 (https://dev.mysql.com/doc/refman/8.4/en/keywords.html, those marked R) and not by MariaDB
 * (https://mariadb.com/kb/en/reserved-words/). The suites run on MariaDB: as an unquoted name, such a word is a syntax
 * error in production only.
 */
const MYSQL_RESERVED_WORDS = new Set(
  `cube cume_dist dense_rank empty first_value function generated get grouping groups io_after_gtids io_before_gtids
   json_table lag last_value lateral lead manual nth_value ntile of optimizer_costs parallel percent_rank
   qualify rank row row_number stored system tablesample virtual window`.split(/\s+/),
);

/** SQL keywords in this project are upper case and names are lower case: a reserved word in lower case is a name. */
const findReservedWords = (sql: string): string[] =>
  (sql.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`/g, ' ').match(/\b[a-z]\w*\b/g) ?? []).filter((word) =>
    MYSQL_RESERVED_WORDS.has(word.toLowerCase()),
  );

const SQL_PATTERN =
  /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|FROM|JOIN|WHERE|SET|AS|VALUES|PRIMARY KEY)\b/;

/** All string literals and template literals of a source; each placeholder becomes a space. */
function listStringLiterals(source: string): string[] {
  const texts: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, value, quasis } = node as { type?: string; value?: string; quasis?: { raw: string }[] };
    if (type === 'StringLiteral') texts.push(value ?? '');
    if (type === 'TemplateLiteral') texts.push((quasis ?? []).map(({ raw }) => raw).join(' '));
    Object.values(node).forEach(visit);
  };
  visit(parseSync(source, { syntax: 'typescript' }));
  return texts;
}

const statements = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !/^tests\/|\.test\.ts$/.test(file) && existsSync(join(ROOT, file)))
  .flatMap((file) =>
    listStringLiterals(readFileSync(join(ROOT, file), 'utf8')).map((text) => ({ file, text })),
  )
  .filter(({ text }) => SQL_PATTERN.test(text));

test('the search finds SQL statements and reserved names in them', () => {
  expect(statements.filter(({ file }) => file.startsWith('db/')).length).toBeGreaterThan(150);
  expect(findReservedWords('SELECT o.id IS NOT NULL AS stored, \'rank\' AS "lead" FROM orders o')).toEqual([
    'stored',
  ]);
  expect(findReservedWords("JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$')) AS rank")).toEqual(['rank']);
});

test('SQL uses no name that MySQL 8.4 reserves', () => {
  const violations = statements.flatMap(({ file, text }) =>
    findReservedWords(text).map((word) => ({ file, word, text })),
  );
  expect(violations).toEqual([]);
});
