import type { Readable } from 'node:stream';
import { UserError } from '../errors.js';
import { columnsError, hasNeededColumns, matchColumns } from '../map/columns.js';
import { createRowFilter } from '../map/filter.js';
import { createMapper, type Mapped } from '../map/mapper.js';
import type { SourceRecord } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { type CsvSource, readCsv } from '../read/csv.js';
import { type OpenInput, openInput } from '../read/open.js';

/** Every input of a command, its header read and its columns understood: nothing is sent before all of them are. */
export interface Intake {
  readonly inputs: readonly IntakeInput[];
  /** Stored bytes of all inputs; null where one's size can't be known. */
  readonly totalBytes: number | null;
  /** Stored bytes read of the inputs up to this position, from 0; of the later ones only the headers were looked at. */
  bytesRead(upTo: number): number;
  close(): Promise<void>;
}

export interface IntakeInput {
  readonly csv: CsvSource;
  readonly map: (record: SourceRecord) => readonly Mapped[];
  readonly file: Pick<OpenInput, 'path' | 'totalBytes' | 'sha256'>;
  /** Rows so far that `--since` couldn't tell anything of: they were taken. */
  readonly undated: () => number;
}

export type IntakeOptions = Pick<
  ResolvedOptions,
  'inputs' | 'encoding' | 'delimiter' | 'map' | 'set' | 'idColumn' | 'subOrg' | 'only' | 'html' | 'tooLong' | 'filter' | 'since'
>;

/** @throws UserError where an input can't be read, or its columns don't say what each note is */
export async function openIntake(options: IntakeOptions, stdin?: Readable): Promise<Intake> {
  if (options.inputs.filter((path) => path === '-').length > 1) {
    throw new UserError("Standard input ('-') was named more than once; it can be read only once.");
  }
  const files: OpenInput[] = [];
  const close = async () => {
    for (const file of files) await file.close();
  };
  try {
    const inputs: IntakeInput[] = [];
    for (const [index, path] of options.inputs.entries()) {
      const file = await openInput({ path, encoding: options.encoding, ...(stdin === undefined ? {} : { stdin }) });
      files.push(file);
      inputs.push(await openOne(file, index, options));
    }
    const sizes = files.map((file) => file.totalBytes);
    return {
      inputs,
      totalBytes: sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      bytesRead: (upTo) => files.slice(0, upTo + 1).reduce((sum, file) => sum + file.bytesRead(), 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openOne(file: OpenInput, index: number, options: IntakeOptions): Promise<IntakeInput> {
  const { map, set, idColumn, filter, since, html, tooLong } = options;
  const columns = { map, set, idColumn, filter, since };
  const csv = await readCsv({
    input: file,
    index,
    delimiter: options.delimiter,
    accepts: (header) => hasNeededColumns(header, columns),
    explain: (header) =>
      columnsError({ header, path: file.path, ...columns }) ?? new UserError(`${file.path}: its header can't be understood.`),
    only: options.only,
  });
  const plan = matchColumns({ header: csv.source.header, path: file.path, ...columns });
  // What failed was recent enough when it was first read, however long it took to mend it.
  const isTaken = createRowFilter(csv.source.isFailuresFile ? { ...plan.rows, since: null } : plan.rows);
  // Loaded where it is asked for: most imports need no HTML.
  const htmlToText = html === 'text' ? (await import('../map/html-text.js')).htmlToText : null;
  const mapper = createMapper({ plan, defaultSubOrg: options.subOrg, content: { htmlToText, tooLong }, isTaken });
  return { csv, map: mapper, file, undated: isTaken.undated };
}
