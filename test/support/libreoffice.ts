import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const MISSING = 'There is no LibreOffice: set SOFFICE to its path, or install it (on Debian: apt-get install libreoffice-calc).';

/** Where LibreOffice is: `$SOFFICE`, or `soffice` in the `PATH`. null: nowhere, and the reason has been said. */
export const SOFFICE = findSoffice();

/**
 * Opens CSV files in LibreOffice Calc, and saves them as CSV: what a person does who looks at them there.
 * @param options.separator of the saved files
 * @param options.opened with what is chosen in its dialog: UTF-8; UTF-8, and dates and times recognised; or a wrong encoding
 */
export async function saveInLibreOffice(options: {
  readonly files: readonly string[];
  readonly to: string;
  readonly profile: string;
  readonly separator: string;
  readonly opened: keyof typeof DIALOG;
}): Promise<void> {
  if (SOFFICE === null) throw new Error(MISSING);
  const { files, to, profile, separator, opened } = options;
  // Its filter's options: separator, quote, UTF-8.
  const filter = `csv:Text - txt - csv (StarCalc):${separator.charCodeAt(0)},34,76`;
  const opening = `--infilter=Text - txt - csv (StarCalc):44,34,${DIALOG[opened]}`;
  const args = ['--headless', `-env:UserInstallation=file://${profile}`, opening, '--convert-to', filter, '--outdir', to, ...files];
  const child = spawn(SOFFICE, args, { stdio: 'ignore' });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`LibreOffice ended with ${code}`);
}

/** Encoding, first line, formats, language, quoted cells as text, special numbers. */
const DIALOG = { plainly: '76,1,,0,false,false', 'with dates': '76,1,,0,false,true', 'as windows-1252': '1,1,,0,false,false' };

function findSoffice(): string | null {
  const { SOFFICE: given, CI, PATH = '' } = process.env;
  const found = given ? [given] : PATH.split(delimiter).map((folder) => join(folder, 'soffice'));
  const path = found.find((candidate) => existsSync(candidate)) ?? null;
  if (path === null && CI === 'true') throw new Error(MISSING);
  if (path === null) console.warn(`${MISSING} Its tests are skipped.`);
  return path;
}
