import type { Readable } from 'node:stream';
import { UserError } from '../errors.js';
import { columnsError, hasNeededColumns, matchColumns } from '../map/columns.js';
import { createDamageCheck, type DamageCheck } from '../map/damage.js';
import { createMapper, type Mapped } from '../map/mapper.js';
import type { SourceRecord, SourceRow } from '../model.js';
import type { FindingName } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { type CsvSource, readCsv } from '../read/csv.js';
import type { OpenInput } from '../read/open.js';
import { type InputFile, openInputs } from './open-inputs.js';

/** Every input of a command, its header read and its columns understood: nothing is sent before all of them are. */
export interface Intake {
  readonly inputs: readonly IntakeInput[];
  /** Stored bytes of all inputs; null where one's size can't be known. */
  readonly totalBytes: number | null;
  /** For a person, of what was left out. */
  readonly warnings: readonly string[];
  /** Stored bytes read of the inputs up to this position, from 0; of the later ones only the headers were looked at. */
  bytesRead(upTo: number): number;
  close(): Promise<void>;
}

export interface IntakeInput {
  readonly csv: CsvSource;
  readonly map: (record: SourceRecord) => readonly Mapped[];
  /** The first rows, which `csv.rows()` gives again; null: an input that can be read again gives them itself, or there are none yet. */
  readonly peek: (() => Promise<readonly SourceRow[]>) | null;
  readonly damage: DamageCheck;
  /** `--accept` */
  readonly accept: ReadonlySet<FindingName>;
  readonly file: Pick<InputFile, 'path' | 'totalBytes' | 'sha256' | 'archive'>;
}

export type IntakeOptions = Pick<
  ResolvedOptions,
  'inputs' | 'encoding' | 'delimiter' | 'map' | 'set' | 'idColumn' | 'subOrg' | 'only' | 'accept'
>;

/** @throws UserError where an input can't be read, or its columns don't say what each note is */
export async function openIntake(options: IntakeOptions, stdin?: Readable): Promise<Intake> {
  if (options.inputs.filter((path) => path === '-').length > 1) {
    throw new UserError("Standard input ('-') was named more than once; it can be read only once.");
  }
  const files: InputFile[] = [];
  const warnings: string[] = [];
  const close = async () => {
    for (const file of files) await file.close();
  };
  try {
    const inputs: IntakeInput[] = [];
    for (const path of options.inputs) {
      const opened = await openInputs({ path, encoding: options.encoding, ...(stdin === undefined ? {} : { stdin }) });
      files.push(...opened.files);
      warnings.push(...opened.warnings);
      for (const file of opened.files) inputs.push(await openOne(file, inputs.length, options));
    }
    const sizes = files.map((file) => file.totalBytes);
    return {
      inputs,
      totalBytes: sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      warnings,
      bytesRead: (upTo) => files.slice(0, upTo + 1).reduce((sum, file) => sum + file.bytesRead(), 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openOne(file: InputFile, index: number, options: IntakeOptions): Promise<IntakeInput> {
  const columns = { map: options.map, set: options.set, idColumn: options.idColumn };
  const read = (input: OpenInput) =>
    readCsv({
      input,
      index,
      delimiter: options.delimiter,
      accepts: (header) => hasNeededColumns(header, columns),
      explain: (header) =>
        columnsError({ header, path: file.path, ...columns }) ?? new UserError(`${file.path}: its header can't be understood.`),
      only: options.only,
      acceptSwallowed: options.accept.includes('swallowed-rows'),
    });
  const csv = await file.lookInto(read);
  const { reopen } = file;
  const plan = matchColumns({ header: csv.source.header, path: file.path, ...columns });
  const rows = reopen === null ? peekable(csv) : { rows: () => rowsAgain(reopen, read), peek: null };
  return {
    csv: { ...csv, rows: rows.rows },
    peek: rows.peek,
    map: createMapper({ plan, defaultSubOrg: options.subOrg }),
    damage: createDamageCheck(plan),
    accept: new Set(options.accept),
    file,
  };
}

/** A part's rows: its header has been looked at before, and the part closed again. */
async function* rowsAgain(reopen: () => Promise<OpenInput>, read: (input: OpenInput) => Promise<CsvSource>): ReturnType<CsvSource['rows']> {
  const input = await reopen();
  try {
    yield* (await read(input)).rows();
  } finally {
    await input.close();
  }
}

/** What can be read only once: its first batch can be looked at before. */
function peekable(csv: CsvSource): Pick<IntakeInput, 'peek'> & Pick<CsvSource, 'rows'> {
  const rows = csv.rows()[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<readonly SourceRow[]>> | null = null;
  return {
    peek: csv.hasRowsAtHand
      ? async () => {
          first ??= rows.next();
          // Why it ended early is said where its rows are taken.
          const begin = await first.catch(() => null);
          return begin === null || begin.done === true ? [] : begin.value;
        }
      : null,
    rows: async function* () {
      const begin = await first;
      if (begin?.done === true) return;
      if (begin !== null) yield begin.value;
      yield* { [Symbol.asyncIterator]: () => rows };
    },
  };
}
