import { isUtf8 } from 'node:buffer';
import { UserError } from '../errors.js';
import { emptyInput, type OpenInput } from './open.js';
import type { ParseFault, StartParser } from './record-parser.js';

/** The header record, and the bytes behind it that were read with it. */
export interface Header {
  readonly cells: readonly string[];
  readonly delimiter: string;
  /** There is a first line `sep=;`. */
  readonly sepLine: boolean;
  /** Offsets in the UTF-8 bytes; a `sep=;` line is left to the header. */
  readonly start: number;
  readonly end: number;
  /** Everything read so far, from offset 0. */
  readonly bytes: Buffer;
  /** What happened behind these bytes; thrown when reading gets there. */
  readonly failure: unknown;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
const LONGEST_HEADER_BYTES = 1024 * 1024;

/**
 * Reads the first record under each delimiter that could be meant, and takes the first one under which it names the needed columns.
 * @throws UserError if none does, or the header can't be read
 */
export async function findHeader(options: {
  input: OpenInput;
  delimiter: string | null;
  startParser: StartParser;
  accepts: (cells: readonly string[]) => boolean;
  explain: (cells: readonly string[]) => UserError;
}): Promise<Header> {
  const { input, startParser } = options;
  let candidates: ReturnType<typeof candidate>[] | null = null;
  let sep: SepLine | null = null;
  const chunks: Buffer[] = [];
  let length = 0;
  let failure: unknown = null;
  let ended = false;
  while (!ended && (candidates === null || candidates.some(({ pending }) => pending()))) {
    if (length > LONGEST_HEADER_BYTES)
      throw new UserError(`${input.path}: the first line is longer than 1 MiB; expected a header line with the names of the columns`);
    let chunk: Buffer | null = null;
    try {
      chunk = await input.read();
    } catch (error) {
      failure = error;
    }
    ended = chunk === null;
    if (chunk !== null) {
      chunks.push(chunk);
      length += chunk.length;
    }
    if (candidates === null) {
      if (length < LONGEST_SEP_LINE && !ended) continue;
      const begin = Buffer.concat(chunks);
      sep = sepLine(begin);
      const base = sep?.bytes ?? 0;
      const delimiters =
        options.delimiter === null ? new Set([...(sep === null ? [] : [sep.delimiter]), ...DELIMITERS]) : [options.delimiter];
      candidates = Array.from(delimiters, (delimiter) => candidate({ delimiter, startParser, base }));
      for (const { feed } of candidates) await feed(begin.subarray(base));
      if (!ended) continue;
    }
    for (const { feed } of candidates) await feed(chunk);
  }
  candidates ??= [];
  const bytes = Buffer.concat(chunks);
  const read = candidates.flatMap(({ delimiter, found }) => {
    const record = found();
    return record === null ? [] : [{ delimiter, ...record }];
  });
  const chosen = read.find(({ cells }) => options.accepts(cells));
  const last = bytes[(chosen?.end ?? 0) - 1];
  if (failure !== null && (chosen === undefined || (last !== 0x0a && last !== 0x0d))) {
    throw new UserError(failure instanceof Error ? failure.message : String(failure), { cause: failure });
  }
  const header = chosen ?? mostColumns(read);
  if (header === undefined) {
    const fault = candidates.map(({ fault }) => fault()).find((found) => found !== null);
    throw fault === undefined
      ? emptyInput(input.path)
      : new UserError(`${input.path}: the header line can't be read: ${FAULTS[fault.kind]}`);
  }
  let { start } = header;
  while (bytes[start] === 0x0a || bytes[start] === 0x0d) start++;
  if (!isUtf8(bytes.subarray(start, header.end))) {
    throw new UserError(
      `${input.path}: the header line holds bytes that aren't valid ${input.encoding}; name the encoding the file was saved in, such as --encoding windows-1252`,
    );
  }
  if (chosen === undefined) throw options.explain(header.cells);
  return {
    cells: header.cells,
    delimiter: header.delimiter,
    sepLine: sep !== null,
    start: sep === null ? start : 0,
    end: header.end,
    bytes,
    failure,
  };
}

interface SepLine {
  readonly delimiter: string;
  /** Its line end included. */
  readonly bytes: number;
}

const LONGEST_SEP_LINE = 16;

/** `sep=;`: what Excel writes, or is given, so that a file opens rightly wherever it goes. */
function sepLine(begin: Buffer): SepLine | null {
  const found = /^"?sep=(\\t|[^"\r\n])"?(?:\r\n|\n|\r)/i.exec(begin.toString('utf8', 0, LONGEST_SEP_LINE));
  const [line, delimiter] = found ?? [];
  if (line === undefined || delimiter === undefined) return null;
  return { delimiter: delimiter === '\\t' ? '\t' : delimiter, bytes: Buffer.byteLength(line) };
}

const FAULTS: Readonly<Record<ParseFault['kind'], string>> = {
  closing_quote: 'text follows a closing quote',
  opening_quote: 'a quote stands inside a name that does not begin with one',
  unclosed_quote: 'a quote is never closed',
};

interface FirstRecord {
  readonly cells: readonly string[];
  /** Blank lines may stand before it. */
  readonly start: number;
  readonly end: number;
}

function candidate({ delimiter, startParser, base }: { delimiter: string; startParser: StartParser; base: number }) {
  let record: FirstRecord | null = null;
  let fault: ParseFault | null = null;
  let start = base;
  const parser = startParser({
    delimiter,
    onRecord: (cells, end) => {
      if (record === null && !isSpace(cells)) record = { cells, start, end: base + end };
      start = base + end;
    },
  });
  const pending = (): boolean => record === null && fault === null;
  return {
    delimiter,
    found: () => record,
    // A record that was found in front of the fault counts.
    fault: () => (record === null ? fault : null),
    pending,
    feed: async (chunk: Buffer | null): Promise<void> => {
      // A piece at a time: only the first record is wanted.
      for (let at = 0; pending() && at < (chunk?.length ?? 1); at += 4096) {
        fault = await (chunk === null ? parser.end() : parser.write(chunk.subarray(at, at + 4096)));
      }
    },
  };
}

function isSpace(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0]!.trim() === '';
}

function mostColumns<T extends FirstRecord>(records: readonly T[]): T | undefined {
  return records.reduce<T | undefined>(
    (best, record) => (best !== undefined && best.cells.length >= record.cells.length ? best : record),
    undefined,
  );
}
