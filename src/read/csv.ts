import { CsvError, type Options, Parser } from 'csv-parse';
import { UserError } from '../errors.js';
import type { FailureClass, SourceInput, SourceRow } from '../model.js';
import { failuresFile } from './failures-file.js';
import { findHeader } from './header.js';
import type { OpenInput } from './open.js';
import type { ParseFault, StartParser } from './record-parser.js';
import { readRecords } from './records.js';

export interface CsvSource {
  readonly source: SourceInput;
  /** The header line as it stands in the file, in the file's own encoding, its line end included, a byte order mark not. */
  readonly rawHeader: Uint8Array;
  /** A first line `sep=;`, by which spreadsheets tell the delimiter to each other; the header stands below it. */
  readonly sepLine: boolean;
  /** Bytes of rows were read together with the header: the first batch comes without waiting for whoever writes. */
  readonly hasRowsAtHand: boolean;
  /**
   * The rows, in batches, as they are parsed: no more of the input is read before those at hand are pulled. To be called once.
   * @throws StoppedError `unclosed_quote` or `input_changed`, after the rows before it were given
   */
  rows(): AsyncIterable<readonly SourceRow[]>;
}

/** A record longer than this is a quote that was never closed: what follows can't be told from the inside of a note. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/**
 * Reads the header of a CSV input (RFC 4180, with any line ends), and makes its rows available.
 * @param options.index position among the inputs of the command, from 0
 * @param options.delimiter one character; null: found as the one under which the header is accepted
 * @param options.accepts whether a header names the needed columns; gets a failures file's original columns
 * @param options.explain what is wrong with a header that isn't accepted
 * @param options.only of a failures file, take only rows of these classes
 * @param options.acceptSwallowed a field whose lines look like rows is taken as it is
 * @throws UserError if the header can't be read or isn't accepted, or `only` is given for something else than a failures file
 */
export async function readCsv(options: {
  input: OpenInput;
  index: number;
  delimiter: string | null;
  accepts: (header: readonly string[]) => boolean;
  explain?: (header: readonly string[]) => UserError;
  only?: readonly FailureClass[] | null;
  maxRecordBytes?: number;
  acceptSwallowed?: boolean;
}): Promise<CsvSource> {
  const { input, index, delimiter } = options;
  const only = options.only ?? null;
  if (delimiter !== null && /["\r\n]/.test(delimiter)) {
    throw new UserError(`${input.path}: a quote or a line end can't be the delimiter; expected one such as , ; | or tab`);
  }
  const original = (cells: readonly string[]) => failuresFile(cells, only)?.header ?? cells;
  const header = await findHeader({
    input,
    delimiter,
    startParser,
    accepts: (cells) => options.accepts(original(cells)),
    explain: (cells) => options.explain?.(original(cells)) ?? notAccepted(input.path, original(cells)),
  });
  const failures = failuresFile(header.cells, only);
  if (only !== null && failures === null) {
    throw new UserError(
      `${input.path}: --only chooses among the classes of a failures file, and this isn't one (its header lacks _class and the like); leave --only out`,
    );
  }
  const source: SourceInput = {
    index,
    path: input.path,
    header: failures?.header ?? header.cells,
    delimiter: header.delimiter,
    encoding: input.encoding,
    isFailuresFile: failures !== null,
  };
  return {
    source,
    rawHeader: input.original(header.start, header.end) ?? Uint8Array.from(header.bytes.subarray(header.start, header.end)),
    sepLine: header.sepLine,
    hasRowsAtHand: header.end < header.bytes.length,
    rows: () =>
      readRecords({
        input,
        source,
        header,
        failures,
        startParser,
        maxRecordBytes: options.maxRecordBytes ?? MAX_RECORD_BYTES,
        acceptSwallowed: options.acceptSwallowed ?? false,
      }),
  };
}

function notAccepted(path: string, header: readonly string[]): UserError {
  return new UserError(`${path}: the header lacks a needed column; seen: ${header.map((cell) => JSON.stringify(cell)).join(', ')}`);
}

/**
 * Records are taken where the parser hands them on: what was parsed before a fault arrives, which `for await` over the parser would throw
 * away. Its option `on_record` does the same, and makes for each record a description of 12 properties first, a fifth of the parser's time.
 */
class RecordStream extends Parser {
  constructor(
    options: Options,
    private readonly onRecord: (cells: string[], end: number) => void,
  ) {
    super(options);
  }

  /** @param cells a record; null: there are no more */
  override push(cells: string[] | null): boolean {
    if (cells === null) return super.push(null);
    // Of the same chunk, behind a record that couldn't be taken.
    if (this.destroyed) return false;
    try {
      this.onRecord(cells, this.info.bytes);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }
}

export const startParser: StartParser = ({ delimiter, onRecord }) => {
  const options: Options = {
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    // Safe only because whoever gets the record compares its length with the header's.
    relax_column_count: true,
  };
  const parser = new RecordStream(options, onRecord);
  // The callbacks below have the error; without a listener it would end the process.
  parser.on('error', () => undefined);
  parser.resume();
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        parser.write(bytes, (error) => settle(parser.errored ?? error ?? null, resolve, reject));
      }),
    end: () =>
      new Promise((resolve, reject) => {
        if (parser.errored !== null) {
          settle(parser.errored, resolve, reject);
          return;
        }
        parser.once('error', (error) => settle(error, resolve, reject));
        parser.once('end', () => resolve(null));
        parser.end();
      }),
  };
};

function settle(error: Error | null, resolve: (fault: ParseFault | null) => void, reject: (error: Error) => void): void {
  if (error === null) {
    resolve(null);
    return;
  }
  // csv-parse's own message isn't passed on: it quotes the note.
  const kind = error instanceof CsvError ? FAULT_KINDS.get(error.code) : undefined;
  if (kind === undefined) reject(error);
  else resolve({ kind, column: 'column' in error && typeof error.column === 'number' ? error.column : 0 });
}

const FAULT_KINDS: ReadonlyMap<string, ParseFault['kind']> = new Map([
  ['CSV_INVALID_CLOSING_QUOTE', 'closing_quote'],
  ['INVALID_OPENING_QUOTE', 'opening_quote'],
  ['CSV_QUOTE_NOT_CLOSED', 'unclosed_quote'],
]);
