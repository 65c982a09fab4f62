import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Draft, MalformedRecord, RowFailure, SettledRow, SourceInput } from '../model.js';
import { assertNever, joinIds, rowLabel } from '../model.js';
import { csvHeader, csvRows } from './csv.js';
import { createFileOrder, type FileOrder } from './file-order.js';
import { escapedNames, guardCell, guardCellAs, guardRow } from './guard.js';
import { openMalformedFiles } from './malformed-files.js';
import { type ReportFile, reportFile } from './report-file.js';
import { openReportFile } from './run-folder.js';
import { countUnknownContacts } from './unknown-contacts.js';

/** The rows of a run as files: success.csv, failures.csv, and malformed.csv where it is needed. */
export interface CsvReports {
  /**
   * Before the first row of an input. Inputs with the same header share a failures file; the next header's is `failures-2.csv`.
   *
   * @param rawHeader the header's line as it stands in the file: BOM, line end and encoding included
   */
  inputOpened(input: SourceInput, rawHeader: Uint8Array): void;
  /** Resolves when it may be given more rows. Rejects with the file and the reason once a file can't be written. */
  write(rows: readonly SettledRow[]): Promise<void>;
  /** Resolves when every row given so far has been handed to the operating system. */
  flush(): Promise<void>;
  /** Flushes and closes every file, also if one of them fails, and brings failures into the order of their inputs. Once is enough. */
  close(): Promise<CsvReportPaths>;
}

export interface CsvReportPaths {
  readonly success: string;
  readonly failures: string;
  readonly malformed?: string;
  /** Where an id wasn't in the list of contacts. */
  readonly unknownContacts?: string;
  /** `failures-2.csv`, `malformed-2.csv` …, of inputs with other headers. */
  readonly more: readonly string[];
}

/**
 * @param place.folder the run's folder
 * @param place.inputCount how many inputs the run has: rows of several are called `file:row`
 * @param place.excel with byte order mark and CRLF, and cells that a spreadsheet would change kept by an apostrophe
 * @throws UserError where a file can't be made
 */
export async function openCsvReports(place: {
  readonly folder: string;
  readonly inputCount: number;
  readonly excel?: boolean;
}): Promise<CsvReports> {
  const { folder, inputCount, excel = false } = place;
  const success = await openFile(join(folder, 'success.csv'));
  const failures = await openFile(join(folder, 'failures.csv')).catch(async (error: unknown) => {
    await success.close();
    throw error;
  });
  const malformed = openMalformedFiles({ folder, openFile: openFileLater });
  const unknown = countUnknownContacts();
  const files: ReportFile[] = [success, failures];
  const groups = new Map<string, HeaderGroup>();
  const groupOfInput = new Map<number, HeaderGroup>();
  /** Calls take their turn, so that rows keep their order also where a file has to be made first. */
  let turn: Promise<unknown> = Promise.resolve();
  let closed: Promise<CsvReportPaths> | null = null;

  success.append(csvHeader(SUCCESS_COLUMNS, excel));

  async function writeRows(rows: readonly SettledRow[]): Promise<void> {
    const successCells: string[][] = [];
    const failed = new Map<HeaderGroup, FailedRows>();
    const malformedRecords: MalformedRecord[] = [];
    for (const row of rows) {
      const { outcome } = row;
      switch (outcome.kind) {
        case 'failed': {
          const group = groupOf(row.source.input);
          const { cells, sources } = failedRowsOf(failed, group);
          cells.push(cellsOfFailure({ row, failure: outcome, group, inputCount, excel }));
          sources.push(row.source);
          unknown.add(outcome);
          if (row.source.kind === 'malformed') malformedRecords.push(row.source);
          break;
        }
        case 'created':
        case 'recovered':
          successCells.push(cellsOfSuccess({ row, outcome, attempts: outcome.attempts, inputCount, excel }));
          break;
        case 'already_imported':
        case 'duplicate':
          successCells.push(cellsOfSuccess({ row, outcome, attempts: 0, inputCount, excel }));
          break;
        case 'filtered':
          break;
        default:
          assertNever(outcome);
      }
    }
    if (successCells.length > 0) success.append(csvRows(successCells, excel));
    for (const [group, { cells, sources }] of failed) {
      const block = Buffer.from(csvRows(cells, excel));
      (await fileOf(group)).append(block);
      group.order.rows(block, sources);
    }
    for (const record of malformedRecords) await malformed.append(record);
    for (const file of [...files, ...malformed.files]) await file.ready();
  }

  function groupOf(input: SourceInput): HeaderGroup {
    const group = groupOfInput.get(input.index);
    if (group === undefined) throw new Error(`a row of ${input.path} was reported before that input was opened`);
    return group;
  }

  async function fileOf(group: HeaderGroup): Promise<ReportFile> {
    if (group.file === null) {
      group.file = await openFileLater(join(folder, `failures-${group.number}.csv`));
      startFailures(group, group.file, excel);
      files.push(group.file);
    }
    return group.file;
  }

  async function closeFiles(): Promise<CsvReportPaths> {
    await turn;
    const orders = new Map([...groups.values()].map(({ file, order }) => [file, order]));
    const close = async (file: ReportFile): Promise<void> => {
      await file.close();
      await orders.get(file)?.restore(file.path);
      if (!existsSync(file.path)) throw new Error(`${file.path} was deleted while the run was going on`);
    };
    const results = await Promise.allSettled([...files, ...malformed.files].map(close));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const unknownContacts = await unknown.write(folder);
    const [firstMalformed, ...moreMalformed] = malformed.files.map((file) => file.path);
    return {
      success: success.path,
      failures: failures.path,
      ...(firstMalformed === undefined ? {} : { malformed: firstMalformed }),
      ...(unknownContacts === null ? {} : { unknownContacts }),
      more: [...files.slice(2).map((file) => file.path), ...moreMalformed],
    };
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined); // whoever asked for it is told; other files may still be fine
    return result;
  }

  return {
    inputOpened(input, rawHeader) {
      malformed.inputOpened(input, rawHeader);
      const key = JSON.stringify(input.header);
      let group = groups.get(key);
      if (group === undefined) {
        const isFirst = groups.size === 0;
        group = newGroup({ header: input.header, number: groups.size + 1, file: isFirst ? failures : null });
        if (isFirst) startFailures(group, failures, excel);
        groups.set(key, group);
      }
      groupOfInput.set(input.index, group);
    },
    write: (rows) => inTurn(() => writeRows(rows)),
    flush: () =>
      inTurn(async () => {
        for (const file of [...files, ...malformed.files]) await file.flush();
      }),
    close() {
      closed ??= closeFiles();
      return closed;
    },
  };
}

/** Inputs with the same header, and where their failures go. */
interface HeaderGroup {
  readonly header: readonly string[];
  /** How `_escaped` names the columns. */
  readonly names: readonly string[];
  /** What stands for a record that can't be read. */
  readonly emptyCells: readonly string[];
  /** From 1, by the order in which the headers were seen. */
  readonly number: number;
  /** null until the first failure, save for the first header's. */
  file: ReportFile | null;
  readonly order: FileOrder;
}

function newGroup(group: Pick<HeaderGroup, 'header' | 'number' | 'file'>): HeaderGroup {
  return { ...group, names: escapedNames(group.header), emptyCells: group.header.map(() => ''), order: createFileOrder() };
}

async function openFile(path: string): Promise<ReportFile> {
  return reportFile(path, await openReportFile(path));
}

/** In the middle of a run it isn't a mistake that keeps the command from starting. */
async function openFileLater(path: string): Promise<ReportFile> {
  return await openFile(path).catch((cause: unknown) => {
    throw new Error(cause instanceof Error ? cause.message : String(cause), { cause });
  });
}

function startFailures({ header, order }: HeaderGroup, file: ReportFile, excel: boolean): void {
  const line = Buffer.from(failuresHeader(header, excel));
  file.append(line);
  order.header(line.length);
}

/** Failures of one write that go into one file. */
interface FailedRows {
  readonly cells: string[][];
  readonly sources: SettledRow['source'][];
}

function failedRowsOf(failed: Map<HeaderGroup, FailedRows>, group: HeaderGroup): FailedRows {
  const known = failed.get(group);
  if (known !== undefined) return known;
  const rows = { cells: [], sources: [] };
  failed.set(group, rows);
  return rows;
}

const SUCCESS_COLUMNS = ['row', 'contactId', 'subOrg', 'name', 'memoryId', 'status', 'createdAt', 'attempts', 'fingerprint'];

function cellsOfSuccess(settled: {
  readonly row: SettledRow;
  readonly outcome: { readonly kind: string; readonly memoryId: string | null; readonly createdAt: string | null };
  readonly attempts: number;
  readonly inputCount: number;
  readonly excel: boolean;
}): string[] {
  const { row, outcome, attempts, inputCount, excel } = settled;
  // Scripts read it: only where it is for a spreadsheet its ids are kept by an apostrophe.
  const guard = (cell: string) => guardCellAs(cell, excel ? 'values' : 'formulas');
  const { draft, partsLeft } = row;
  const memoryIds = partsLeft === undefined ? outcome.memoryId : joinIds(partsLeft.map(({ memoryId }) => memoryId));
  return [
    guard(rowLabel(row.source, inputCount)),
    guard(draft?.contactId ?? ''),
    guard(draft?.subOrg ?? ''),
    guard(draft?.name ?? ''),
    guard(memoryIds ?? ''),
    statusOf(row),
    guard(outcome.createdAt ?? ''),
    String(attempts),
    partsLeft?.map(({ fingerprint }) => fingerprint).join(' ') ?? (draft === null ? '' : fingerprintsOf(draft, outcome.memoryId)),
  ];
}

/** What undo has left counts: a note that is called undone is imported again, with all its parts. */
function statusOf({ outcome, undone, partsLeft }: SettledRow): string {
  if (partsLeft !== undefined) return 'partly_undone';
  return undone ? 'undone' : outcome.kind;
}

/** Of a note in parts all of them, in the order of their memories' ids; one that was imported whole has one id. */
function fingerprintsOf({ fingerprint, parts }: Draft, memoryId: string | null): string {
  if (parts === undefined || memoryId?.split(' ').length !== parts.length) return fingerprint;
  return [...parts.slice(0, -1).map(({ draft }) => draft.fingerprint), fingerprint].join(' ');
}

const FAILURE_COLUMNS = [
  '_row',
  '_class',
  '_status',
  '_message',
  '_details',
  '_attempts',
  '_fingerprint',
  '_occurrence',
  '_escaped',
] as const;

function failuresHeader(header: readonly string[], excel: boolean): string {
  return csvHeader([...header.map((name) => guardCellAs(name, excel ? 'values' : 'numbers')), ...FAILURE_COLUMNS], excel);
}

function cellsOfFailure(settled: {
  readonly row: SettledRow;
  readonly failure: RowFailure;
  readonly group: HeaderGroup;
  readonly inputCount: number;
  readonly excel: boolean;
}): string[] {
  const { row, failure, group, inputCount, excel } = settled;
  const own = guardRow(row.source.kind === 'record' ? row.source.cells : group.emptyCells, group.names, excel ? 'values' : 'numbers');
  const occurrence = row.draft?.occurrence ?? (row.source.kind === 'record' ? row.source.occurrence : null);
  return [
    ...own.cells,
    guardCell(rowLabel(row.source, inputCount)),
    failure.class,
    failure.status === null ? '' : String(failure.status),
    guardCell(failure.message),
    guardCell(jsonCell(failure.details)),
    String(failure.attempts),
    row.draft?.fingerprint ?? '',
    occurrence === null ? '' : String(occurrence),
    guardCell(own.escaped),
  ];
}

function jsonCell(details: unknown): string {
  return details === null || details === undefined ? '' : (JSON.stringify(details) ?? '');
}
