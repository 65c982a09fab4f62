import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { isPostgres } from '../ledger-address.js';
import type { ResolvedOptions } from '../options.js';
import { formatCount } from '../report/format.js';
import { formatBytes } from '../report/format-bytes.js';
import type { Survey } from './survey.js';

/** Less than this is too little for an import whose size isn't known: the ledger's write-ahead log alone takes a third of it. */
export const LEAST_BYTES = 50 * 1024 ** 2;

/**
 * A disk that fills up in the middle stops a run; better not to start it.
 * @param survey null: the size isn't known, and only the least is asked for
 * @param freeOf free bytes of the disk that a folder is on; null where that can't be told
 * @throws UserError where ledger and reports would probably not fit
 */
export function requireDiskSpace(
  { ledger, out }: Pick<ResolvedOptions, 'ledger' | 'out'>,
  survey: Survey | null,
  freeOf: (folder: string) => number | null = freeBytes,
): void {
  const needs = [
    // A Postgres is on another machine's disk, most likely.
    ...(isPostgres(ledger)
      ? []
      : [{ what: `the ledger in ${dirname(ledger)}`, place: nearestExisting(dirname(ledger)), bytes: ledgerBytes(survey) }]),
    { what: `the reports in ${out}`, place: nearestExisting(out), bytes: reportBytes(survey) },
  ];
  const disks = new Set(needs.map(({ place }) => diskOf(place)));
  for (const disk of disks) {
    const here = needs.filter(({ place }) => diskOf(place) === disk);
    const needed = here.reduce((sum, { bytes }) => sum + bytes, 0);
    const free = freeOf(here[0]!.place);
    if (free === null || free >= needed) continue;
    const rows = survey === null ? 'an input of unknown size' : `about ${formatCount(survey.rows.count)} rows`;
    throw new UserError(
      `Not enough room on the disk: of ${rows}, ${here.map(({ what }) => what).join(' and ')} may take ${formatBytes(needed)}, ` +
        `and ${formatBytes(free)} are free. Nothing was sent. Make room, or choose another disk with --ledger and --out.`,
    );
  }
}

/** What any import takes, and the base of the files. */
const BASE_BYTES = 512 * 1024;
/** Of a note that is new to the ledger: its line, two index entries, its share of the filter. Measured with ids of 36 characters. */
const LEDGER_BYTES_PER_NOTE = 350;
/** The write-ahead log is written back at 16 MiB; until then it holds what the ledger gets. */
const MOST_LOG_BYTES = 20 * 1024 ** 2;
/** Of a line of success.csv, with a short name. */
const REPORT_BYTES_PER_ROW = 200;

function ledgerBytes(survey: Survey | null): number {
  if (survey === null) return LEAST_BYTES / 2;
  const growth = survey.toSend.count * LEDGER_BYTES_PER_NOTE;
  return BASE_BYTES + growth + Math.min(MOST_LOG_BYTES, growth);
}

function reportBytes(survey: Survey | null): number {
  return survey === null ? LEAST_BYTES / 2 : BASE_BYTES + survey.rows.count * REPORT_BYTES_PER_ROW;
}

/** The folder, or the one above it that is there already. */
export function nearestExisting(folder: string): string {
  let path = resolve(folder);
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

/** Null where the system doesn't tell, as some network and memory file systems. */
export function freeBytes(path: string): number | null {
  try {
    const { bavail, bsize, blocks } = statfsSync(path);
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return null;
  }
}

/** What can't be looked at is said where it is opened. */
function diskOf(path: string): number | string {
  try {
    return statSync(path).dev;
  } catch {
    return path;
  }
}
