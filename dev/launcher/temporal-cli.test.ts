import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTemporalCli } from './temporal-cli';
import { CLI_VERSION } from './temporal-cli-sources';

const WORKING = '#!/bin/sh\necho "temporal version 9.9.9"\n';
const BROKEN = '#!/bin/sh\nexit 1\n';
const OTHER_PROGRAM = '#!/bin/sh\necho "temporally 1.0"\n';

let dir: string;
let archive: Server | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'temporal-cli-'));
});
afterEach(() => {
  archive?.close();
  archive = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const folder = (name: string): string => join(dir, name);

function writeCli(dirPath: string, script: string): string {
  mkdirSync(dirPath, { recursive: true });
  const file = join(dirPath, 'temporal');
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

const cached = (name: string): string => join(folder(name), CLI_VERSION);

/** Serves a fake of the official download. @returns its URL and the requested URLs. */
async function serveArchive(script: string): Promise<{ url: string; requestedUrls: string[] }> {
  writeCli(folder('packed'), script);
  execFileSync('tar', ['-czf', folder('packed.tar.gz'), '-C', folder('packed'), 'temporal']);
  const requestedUrls: string[] = [];
  archive = createServer((request, response) => {
    requestedUrls.push(request.url ?? '');
    response.end(readFileSync(folder('packed.tar.gz')));
  });
  await new Promise<void>((resolve) => archive!.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(archive.address() as AddressInfo).port}/archive`, requestedUrls };
}

test('prefers the command on PATH to a cached copy', async () => {
  const onPath = writeCli(folder('bin'), WORKING);
  writeCli(cached('cache'), WORKING);

  const search = { path: folder('bin'), cacheDirs: [folder('cache')], progress: () => undefined };
  expect(await findTemporalCli(search)).toBe(onPath);
});

test.each([
  ['fails', BROKEN],
  ['is another program', OTHER_PROGRAM],
])('skips a command on PATH that %s', async (_, script) => {
  writeCli(folder('bin'), script);
  const copy = writeCli(cached('cache'), WORKING);

  const search = { path: folder('bin'), cacheDirs: [folder('cache')], progress: () => undefined };
  expect(await findTemporalCli(search)).toBe(copy);
});

test('searches the caches in order', async () => {
  const second = writeCli(cached('second'), WORKING);
  const search = {
    path: '',
    cacheDirs: [folder('first'), folder('second')],
    progress: () => undefined,
  };

  expect(await findTemporalCli(search)).toBe(second);
  const first = writeCli(cached('first'), WORKING);
  expect(await findTemporalCli(search)).toBe(first);
});

test('downloads once and stores the download in the cache', async () => {
  const { url, requestedUrls } = await serveArchive(WORKING);
  const search = {
    path: '',
    cacheDirs: [folder('cache')],
    progress: () => undefined,
    archiveUrl: url,
  };

  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
  expect(requestedUrls).toHaveLength(1);
  expect(requestedUrls[0]).toMatch(/^\/archive\?platform=\w+&arch=(amd64|arm64)$/);
});

test('stores the download in the first writable cache', async () => {
  const { url } = await serveArchive(WORKING);
  // A folder cannot be created below a file, even by root.
  writeFileSync(folder('file'), '');
  const search = {
    path: '',
    cacheDirs: [join(folder('file'), 'cache'), folder('cache')],
    progress: () => undefined,
    archiveUrl: url,
  };

  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
});

test('reports in one sentence what to install when no source works', async () => {
  writeFileSync(folder('file'), '');
  const messages: string[] = [];
  const search = {
    path: '',
    cacheDirs: [join(folder('file'), 'cache')],
    progress: (line: string) => messages.push(line),
  };

  await expect(findTemporalCli(search)).rejects.toThrow(
    /^The Temporal CLI was not found .* install it .*https:\/\/docs\.temporal\.io\/cli/,
  );
  expect(messages.join('\n')).toContain(folder('file'));
});
