import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { CliResult } from './cli.js';

/** A report's rows, by column. */
export function readReport(path: string): Record<string, string>[] {
  // With `columns: true` each record is an object of its cells.
  return parse(readFileSync(path), { columns: true, bom: true }) as unknown as Record<string, string>[];
}

export function successRows(folder: string, result: CliResult): Record<string, string>[] {
  return readReport(join(folder, result.summary.files.success ?? 'no success.csv'));
}

export function failureRows(folder: string, result: CliResult): Record<string, string>[] {
  return readReport(join(folder, result.summary.files.failures ?? 'no failures.csv'));
}
