import { existsSync } from 'node:fs';

const CHROMIUM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @returns the path of an installed Chromium; undefined when none is installed. */
export const findChromium = (): string | undefined => CHROMIUM_PATHS.find((path) => existsSync(path));

/** No window, no sandbox (tests may run as root), no requests to the internet. */
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
