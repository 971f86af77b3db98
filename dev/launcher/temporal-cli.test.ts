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
const ANOTHER_PROGRAM = '#!/bin/sh\necho "temporally 1.0"\n';

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

function put(place: string, script: string): string {
  mkdirSync(place, { recursive: true });
  const file = join(place, 'temporal');
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

const cached = (name: string): string => join(folder(name), CLI_VERSION);

/** Stands in for the official download. @returns its URL and what it was asked for. */
async function serveArchive(script: string): Promise<{ url: string; asked: string[] }> {
  put(folder('packed'), script);
  execFileSync('tar', ['-czf', folder('packed.tar.gz'), '-C', folder('packed'), 'temporal']);
  const asked: string[] = [];
  archive = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(readFileSync(folder('packed.tar.gz')));
  });
  await new Promise<void>((resolve) => archive!.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(archive.address() as AddressInfo).port}/archive`, asked };
}

test('the command on PATH comes before a cached copy', async () => {
  const onPath = put(folder('bin'), WORKING);
  put(cached('cache'), WORKING);

  const search = { path: folder('bin'), cacheDirs: [folder('cache')], progress: () => undefined };
  expect(await findTemporalCli(search)).toBe(onPath);
});

test.each([
  ['does not answer', BROKEN],
  ['is another program', ANOTHER_PROGRAM],
])('a command on PATH that %s is passed over', async (_, script) => {
  put(folder('bin'), script);
  const copy = put(cached('cache'), WORKING);

  const search = { path: folder('bin'), cacheDirs: [folder('cache')], progress: () => undefined };
  expect(await findTemporalCli(search)).toBe(copy);
});

test('the caches are looked through in their order', async () => {
  const second = put(cached('second'), WORKING);
  const search = {
    path: '',
    cacheDirs: [folder('first'), folder('second')],
    progress: () => undefined,
  };

  expect(await findTemporalCli(search)).toBe(second);
  const first = put(cached('first'), WORKING);
  expect(await findTemporalCli(search)).toBe(first);
});

test('a download is kept in the cache and fetched once', async () => {
  const { url, asked } = await serveArchive(WORKING);
  const search = {
    path: '',
    cacheDirs: [folder('cache')],
    progress: () => undefined,
    archiveUrl: url,
  };

  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatch(/^\/archive\?platform=\w+&arch=(amd64|arm64)$/);
});

test('the first cache that can be written to keeps the download', async () => {
  const { url } = await serveArchive(WORKING);
  // A folder cannot be made below a file, not even by root.
  writeFileSync(folder('file'), '');
  const search = {
    path: '',
    cacheDirs: [join(folder('file'), 'cache'), folder('cache')],
    progress: () => undefined,
    archiveUrl: url,
  };

  expect(await findTemporalCli(search)).toBe(join(cached('cache'), 'temporal'));
});

test('without any of them one sentence says what to install', async () => {
  writeFileSync(folder('file'), '');
  const told: string[] = [];
  const search = {
    path: '',
    cacheDirs: [join(folder('file'), 'cache')],
    progress: (line: string) => told.push(line),
  };

  await expect(findTemporalCli(search)).rejects.toThrow(
    /^The Temporal CLI was not found .* install it .*https:\/\/docs\.temporal\.io\/cli/,
  );
  expect(told.join('\n')).toContain(folder('file'));
});
