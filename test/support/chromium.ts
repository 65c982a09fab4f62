import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const MISSING = 'There is no Chromium: set CHROMIUM to its path, or install it (on Debian: apt-get install chromium).';

/** Where Chromium is: `$CHROMIUM`, or one of its usual names in the `PATH`. null: nowhere, and the reason has been said. */
export const CHROMIUM = findChromium();

export function launchChromium(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error(MISSING);
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

// It runs as root and in containers too, and talks to nobody on its own account.
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findChromium(): string | null {
  const { CHROMIUM: given, CI, PATH = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const found = given ? [given] : PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const path = found.find((candidate) => existsSync(candidate)) ?? null;
  if (path === null && CI === 'true') throw new Error(MISSING);
  if (path === null) console.warn(`${MISSING} Its tests are skipped.`);
  return path;
}
