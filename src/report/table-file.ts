import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import type { UndoneNote, VerifiedNote } from '../model-after-run.js';
import { csvHeader, csvRows } from './csv.js';
import { guardCell } from './guard.js';
import { type ReportFile, reportFile } from './report-file.js';
import { openReportFile } from './run-folder.js';

/** verify.csv, on its way. */
export interface VerifyFile {
  write(notes: readonly VerifiedNote[]): Promise<void>;
  /**
   * Moves it into place, where it replaces an earlier one, whole or not at all. What isn't the whole run has a name of its own, so that it
   * doesn't replace what is.
   * @returns its path
   */
  publish(extent: 'whole' | 'sample' | 'incomplete'): Promise<string>;
  /** Takes away what wasn't published. */
  discard(): Promise<void>;
}

/** @throws UserError where it can't be made */
export async function openVerifyFile(folder: string): Promise<VerifyFile> {
  const draft = join(folder, `.verify-${process.pid}.tmp`);
  await rm(draft, { force: true });
  const file = reportFile(draft, await openReportFile(draft));
  file.append(csvHeader(['row', 'contactId', 'subOrg', 'memoryId', 'verdict', 'otherIds', 'message']));
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= file.close();
    return closed;
  };
  return {
    write: (notes) =>
      append(
        file,
        notes.map(({ row, contactId, subOrg, memoryId, verdict, otherIds, message }) => [
          ...[row, contactId, subOrg ?? '', memoryId ?? ''].map(guardCell),
          verdict,
          ...[otherIds.join(' '), message].map(guardCell),
        ]),
      ),
    async publish(extent) {
      await close();
      const path = join(folder, extent === 'whole' ? 'verify.csv' : `verify-${extent}.csv`);
      await rename(draft, path);
      return path;
    },
    async discard() {
      await close().catch(() => {}); // whoever wrote was told
      await rm(draft, { force: true });
    },
  };
}

/** undo.csv, or `undo-2.csv` where an earlier undo of the run has written that: nothing it said is lost. */
export interface UndoFile {
  readonly path: string;
  /** Resolves when the lines have been handed to the operating system. */
  write(notes: readonly UndoneNote[]): Promise<void>;
  close(): Promise<void>;
}

/** @throws UserError where it can't be made */
export async function openUndoFile(folder: string): Promise<UndoFile> {
  const file = await openNumbered(folder);
  file.append(csvHeader(['row', 'contactId', 'subOrg', 'memoryId', 'outcome', 'message']));
  return {
    path: file.path,
    async write(notes) {
      await append(
        file,
        notes.map(({ row, contactId, subOrg, memoryId, outcome, message }) => [
          ...[row, contactId, subOrg ?? '', memoryId ?? ''].map(guardCell),
          outcome,
          guardCell(message),
        ]),
      );
      await file.flush();
    },
    close: file.close,
  };
}

async function openNumbered(folder: string): Promise<ReportFile> {
  for (let number = 1; ; number++) {
    const path = join(folder, number === 1 ? 'undo.csv' : `undo-${number}.csv`);
    try {
      return reportFile(path, await openReportFile(path));
    } catch (error) {
      if (!isTaken(error) || number === MOST_FILES) throw error;
    }
  }
}

const MOST_FILES = 10_000;

function isTaken(error: unknown): boolean {
  return error instanceof UserError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'EEXIST';
}

async function append(file: ReportFile, rows: readonly (readonly string[])[]): Promise<void> {
  if (rows.length === 0) return;
  file.append(csvRows(rows));
  await file.ready();
}
