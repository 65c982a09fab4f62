import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { ImportHooks } from './import.js';
import { EXPORT_COLUMNS, exportNotes } from './ledger/export.js';
import { isPostgres, type LedgerAddress } from './ledger-address.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { csvHeader, csvRows } from './report/csv.js';
import { guardCell } from './report/guard.js';
import { reportFile } from './report/report-file.js';
import { openReportFile } from './report/run-folder.js';

/**
 * Writes what the ledger knows of each note as CSV.
 * @param to a stream, whose reader may go away (then the rest is left out); or the path of a file, which mustn't be there yet
 * @returns how many notes were written
 * @throws UserError where there is no ledger, or the file can't be made
 */
export async function exportLedger(
  to: Writable | string,
  options: ImportOptions,
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<number> {
  const address = resolveOptions(options, env, { key: false, inputs: false });
  const pages = await notesOf(address);
  // The ledger is opened before the file is made: a mistake leaves nothing behind.
  const first = await pages.next();
  const all = (async function* () {
    if (first.done !== true) yield first.value;
    yield* pages;
  })();
  return typeof to === 'string' ? intoFile(to, all) : intoStream(to, all);
}

type Page = readonly (readonly string[])[];
type Pages = AsyncIterable<Page>;

async function notesOf(address: LedgerAddress): Promise<Generator<Page> | AsyncGenerator<Page>> {
  if (!isPostgres(address.ledger)) return exportNotes(address.ledger);
  const { exportPostgresNotes } = await import('./ledger/export-postgres.js');
  return exportPostgresNotes(address);
}

const HEADER = csvHeader(EXPORT_COLUMNS);

async function intoStream(stream: Writable, pages: Pages): Promise<number> {
  let notes = 0;
  await give(stream, HEADER);
  for await (const page of pages) {
    if (stream.destroyed) break;
    await give(stream, asCsv(page));
    notes += page.length;
  }
  return notes;
}

/** Resolves when the stream has room for more, or nobody reads it any more. */
async function give(stream: Writable, text: string): Promise<void> {
  const hasRoom = stream.write(text);
  if (!hasRoom && !stream.destroyed) {
    const waiting = new AbortController();
    const ends = ['drain', 'close', 'error'].map((event) => once(stream, event, { signal: waiting.signal }).catch(() => {}));
    await Promise.race(ends);
    waiting.abort();
  }
  // A pipe's error comes as an event of its own.
  await new Promise(setImmediate);
}

async function intoFile(path: string, pages: Pages): Promise<number> {
  const file = reportFile(path, await openReportFile(path));
  let notes = 0;
  try {
    file.append(HEADER);
    for await (const page of pages) {
      file.append(asCsv(page));
      await file.ready();
      notes += page.length;
    }
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    // Half an export looks like a whole one.
    await rm(path, { force: true });
    throw error;
  }
  return notes;
}

function asCsv(page: readonly (readonly string[])[]): string {
  return csvRows(page.map((cells) => cells.map(guardCell)));
}
