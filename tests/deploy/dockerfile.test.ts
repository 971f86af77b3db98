import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { HEAP_FLAG } from '../../dev/launcher/supervisor';

const ROOT = resolve(__dirname, '../..');
const readProjectFile = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The instructions of each stage, with continued lines joined. */
const stages = readProjectFile('Dockerfile')
  .replaceAll(/^#.*$/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split(/^(?=FROM )/m)
  .map((stage) => stage.split('\n').filter((line) => line.trim() !== ''))
  .filter(([first]) => first?.startsWith('FROM '));
const finalStage = stages.at(-1) ?? [];
const hasLine = (pattern: RegExp) => finalStage.some((line) => pattern.test(line));

test('uses one exact base version in every stage', () => {
  const bases = stages.map(([from]) => /^FROM (\S+)/.exec(from ?? '')?.[1] ?? '');
  expect(bases).toHaveLength(3);
  // Without a compiler, like the machines that `npm start` has to run on.
  for (const base of bases) expect(base).toMatch(/^node:22\.\d+\.\d+-bookworm-slim$/);
  expect(new Set(bases)).toHaveProperty('size', 1);
});

test('installs from the lock file, development packages only in the build stage', () => {
  const installs = stages.flat().filter((line) => /npm (ci|i|install)\b/.test(line));
  expect(installs).toHaveLength(2);
  expect(installs[0]).toMatch(/npm ci /);
  expect(installs[1]).toMatch(/npm ci --omit=dev/);
});

test('installs nothing and copies no sources in the final stage', () => {
  expect(hasLine(/apt-get|apk|npm |curl|wget/)).toBe(false);
  const copied = finalStage.filter((line) => line.startsWith('COPY'));
  expect(copied).toEqual([
    'COPY --from=packages /app/node_modules ./node_modules',
    'COPY --from=build /app/dist ./dist',
    'COPY package.json LICENSE ./',
  ]);
});

test('runs unprivileged, with a stop signal and a health check', () => {
  const user = finalStage.indexOf('USER node');
  expect(user).toBeGreaterThan(0);
  expect(finalStage.slice(user).some((line) => /^(RUN|COPY|USER root)/.test(line))).toBe(false);
  expect(finalStage).toContain('STOPSIGNAL SIGTERM');
  expect(hasLine(/^HEALTHCHECK .*CMD \["node", "dist\/runtime\/check-health\.js"\]$/)).toBe(true);
  // The exec form: a shell would not forward the signal.
  expect(finalStage.at(-1)).toBe('CMD ["node", "dist/api/main.js"]');
});

test('limits the heap in the image and in the serve scripts as `npm start` does', () => {
  expect(hasLine(new RegExp(`^ENV .*NODE_OPTIONS="--enable-source-maps ${HEAP_FLAG}"`))).toBe(true);
  const { scripts } = JSON.parse(readProjectFile('package.json')) as { scripts: Record<string, string> };
  const served = Object.entries(scripts).filter(([name]) => name.startsWith('serve:'));
  expect(served.length).toBeGreaterThan(5);
  for (const [name, command] of served) {
    expect([name, command]).toEqual([name, expect.stringContaining(`--enable-source-maps ${HEAP_FLAG} `)]);
  }
});

test('contains no secret', () => {
  expect(stages.flat().filter((line) => /^(ARG|ENV).*(KEY|PASSWORD|SECRET|TOKEN)/.test(line))).toEqual([]);
});

const allowedPaths = readProjectFile('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

test('sends only listed, existing paths to the Docker engine', () => {
  const [first] = readProjectFile('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(first).toBe('*');
  for (const path of allowedPaths) expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
  for (const secret of ['.data', '.git', 'deploy', 'node_modules'])
    expect(allowedPaths).not.toContain(secret);
});

test('sends everything that the build compiles to the Docker engine', () => {
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const files = execFileSync(tsc, ['-p', 'tsconfig.build.json', '--listFilesOnly'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .map((file) => relative(ROOT, file))
    .filter((file) => file !== '' && !/^\.\.|^node_modules/.test(file));
  expect(files).toEqual(expect.arrayContaining(['api/main.ts', 'cli/verify.ts', 'domain/orders/order.ts']));
  expect(files.filter((file) => file.endsWith('.test.ts'))).toEqual([]);
  expect(files.filter((file) => !allowedPaths.includes(file.split('/')[0] ?? ''))).toEqual([]);
});
