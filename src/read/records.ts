import { isUtf8 } from 'node:buffer';
import { StoppedError } from '../errors.js';
import { assertNever, type MalformedRecord, type SourceInput, type SourceRow } from '../model.js';
import { type BrokenRecord, brokenRecord } from './broken-record.js';
import type { FailuresFile } from './failures-file.js';
import type { Header } from './header.js';
import { noRow } from './no-row.js';
import type { OpenInput } from './open.js';
import { recordMessages } from './record-messages.js';
import type { ParseFault, RecordParser, StartParser } from './record-parser.js';
import { rollingBytes } from './rolling-bytes.js';
import { swallowedRows } from './swallowed.js';

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;
/** Some milliseconds' work, mapping and all: in between requests leave when they are due. */
const PIECE_BYTES = 32 * 1024;
/** More than a parser holds back behind a complete record. */
const LOOK_AHEAD_BYTES = 16;

/**
 * The rows behind the header. A record that can't be read becomes a malformed row, and a new parser is started behind it.
 * @throws StoppedError after the rows before it were given
 */
export async function* readRecords(options: {
  input: OpenInput;
  source: SourceInput;
  header: Header;
  failures: FailuresFile | null;
  startParser: StartParser;
  maxRecordBytes: number;
  /** Fields of several lines are what they are, though their lines look like rows. */
  acceptSwallowed: boolean;
}): AsyncGenerator<readonly SourceRow[], void, undefined> {
  const { input, source, header, failures, maxRecordBytes } = options;
  const columns = header.cells.length;
  const tell = recordMessages(header.cells, source.encoding);
  const noRowOf = noRow(header.cells);
  const bytes = rollingBytes(header.end);
  let batch: SourceRow[] = [];
  let row = 0;
  /** Where the next record starts: offset and line. Blank lines may come first. */
  let start = header.end;
  let line = 1 + countLineEnds(header.bytes.subarray(0, header.end)).lineEnds;
  let previousId: string | null = null;
  /** Offset up to which the parser has been fed. */
  let fed = header.end;
  let parser = parserFrom(header.end);
  let broken: { readonly record: BrokenRecord; readonly fault: ParseFault } | null = null;
  let stop: StoppedError | null = null;
  /** The input ended early: a last record without a line end may be half of one. */
  let cut = false;

  let chunk: Buffer | null = header.bytes.subarray(header.end);
  // What came together with the header is one batch: standard input's is looked at before anything is sent.
  let pieceBytes = Number.POSITIVE_INFINITY;
  let failure = header.failure;
  while (chunk !== null) {
    bytes.append(chunk);
    for (let isMore = true; isMore; ) {
      isMore = await parse(false);
      skipBlankLines();
      const looked = broken === null ? fed : bytes.end();
      if (looked - start > maxRecordBytes + LOOK_AHEAD_BYTES) stop ??= tooLong();
      if (batch.length > 0) yield taken();
      if (stop !== null) throw stop;
    }
    pieceBytes = PIECE_BYTES;
    bytes.forget(start);
    input.forget(start);
    chunk = failure === null ? await input.read().catch((error: unknown) => remember(error)) : null;
  }
  cut = failure !== null;
  await parse(true);
  if (batch.length > 0) yield taken();
  if (failure !== null) throw failure;
  if (stop !== null) throw stop;

  function remember(error: unknown): null {
    failure = error;
    return null;
  }

  function taken(): readonly SourceRow[] {
    const rows = batch;
    batch = [];
    return rows;
  }

  function parserFrom(base: number): RecordParser {
    return options.startParser({ delimiter: header.delimiter, onRecord: (cells, end) => deliver(cells, base + end) });
  }

  /** Parses on, a piece or to the end. True: there is more at hand. */
  async function parse(ended: boolean): Promise<boolean> {
    while (stop === null) {
      if (broken !== null) {
        const from = broken.record.at();
        const end = broken.record.scan(bytes.slice(from, bytes.end()), from, ended);
        if (end === null) {
          if (ended) stop = unclosed(broken.record);
          return false;
        }
        endBroken(broken.fault, end);
        broken = null;
        parser = parserFrom(end);
        fed = end;
        continue;
      }
      const all = bytes.end();
      if (fed === all && !ended) return false;
      const upTo = Math.min(all, fed + pieceBytes);
      const fault: ParseFault | null = fed < all ? await parser.write(bytes.slice(fed, upTo)) : await parser.end();
      if (fault !== null) {
        skipBlankLines();
        broken = { record: brokenRecord({ delimiter: header.delimiter, start, line }), fault };
      } else if (fed === all) return false;
      fed = upTo;
      if (fed < all && fault === null && !ended) return true;
    }
    return false;
  }

  /** Hot: once for each record. */
  function deliver(cells: string[], end: number): void {
    if (stop !== null) return;
    skipBlankLines();
    const record = bytes.slice(start, end);
    const last = record[record.length - 1];
    const isWhole = last === LF || last === CR;
    if (cut && !isWhole) return;
    const { lineEnds, high } = countLineEnds(record);
    const startLine = line;
    const recordStart = start;
    start = end;
    // A line of spaces is a blank line too, unless it could be a row of a single column.
    if (cells.length !== columns && cells.length === 1 && record[0] !== QUOTE && cells[0]!.trim() === '') {
      line += lineEnds;
      return;
    }
    if (record.length > maxRecordBytes) {
      start = recordStart;
      stop = tooLong();
      return;
    }
    line += lineEnds;
    const message = high && !isUtf8(record) ? tell.encoding(cells) : cells.length !== columns ? tell.count(cells.length) : null;
    const none = noRowOf(cells);
    if (none !== null) {
      malformed(startLine, tell.noRow(none), recordStart, end, { finding: none });
      return;
    }
    if (message !== null) {
      malformed(startLine, message, recordStart, end);
      return;
    }
    if (lineEnds > (isWhole ? 1 : 0) && !options.acceptSwallowed) {
      const text = record.toString('utf8').replace(/(\r\n|\n|\r)$/, '');
      const swallowed = swallowedRows({ text, delimiter: header.delimiter, columns, previousId });
      if (swallowed > 0) {
        const column = cells.findIndex((cell) => /[\r\n]/.test(cell));
        const found = { finding: 'swallowed-rows', column: header.cells[column] ?? '' } as const;
        malformed(startLine, tell.swallowed(swallowed, column), recordStart, end, found);
        return;
      }
    }
    previousId = cells[0]!;
    const add = (own: readonly string[], occurrence: number | null): void => {
      row++;
      const { length } = record;
      batch.push({ kind: 'record', input: source, row, line: startLine, cells: own, bytes: length, isAscii: !high, occurrence, target: 0 });
    };
    if (failures === null) {
      add(cells, null);
      return;
    }
    const restored = failures.restore(cells);
    switch (restored.kind) {
      case 'placeholder':
        return;
      case 'left_out':
        row++;
        return;
      case 'unreadable':
        malformed(startLine, restored.message, recordStart, end);
        return;
      case 'restored':
        add(restored.cells, restored.occurrence);
        return;
      default:
        assertNever(restored);
    }
  }

  function endBroken(fault: ParseFault, end: number): void {
    const record = bytes.slice(start, end);
    const last = record[record.length - 1];
    if (cut && last !== LF && last !== CR) return;
    if (record.length > maxRecordBytes) {
      stop = tooLong();
      return;
    }
    const from = start;
    const startLine = line;
    const { lineEnds } = countLineEnds(record);
    start = end;
    line += lineEnds;
    malformed(startLine, tell.fault(fault, lineEnds), from, end);
  }

  function malformed(
    atLine: number,
    message: string,
    from: number,
    end: number,
    found?: Pick<MalformedRecord, 'finding' | 'column'>,
  ): void {
    row++;
    const raw = input.original(from, end) ?? Uint8Array.from(bytes.slice(from, end));
    batch.push({ kind: 'malformed', input: source, row, line: atLine, message, raw, ...found });
  }

  /** Moves `start` to the record's first byte. */
  function skipBlankLines(): void {
    const rest = bytes.slice(start, bytes.end());
    let i = 0;
    while (rest[i] === LF || rest[i] === CR) {
      if (rest[i] === CR && i + 1 === rest.length) break;
      i += rest[i] === CR && rest[i + 1] === LF ? 2 : 1;
      line++;
    }
    start += i;
  }

  function unclosed(record: BrokenRecord | null): StoppedError {
    const scanned = record ?? scanFromStart(bytes.end());
    const open = scanned.openQuote();
    return stopped(open ?? { line, column: 0 }, 'is never closed');
  }

  function tooLong(): StoppedError {
    const open = scanFromStart(start + maxRecordBytes).openQuote();
    const size = maxRecordBytes >= 1048576 ? `${maxRecordBytes / 1048576} MiB` : `${maxRecordBytes} bytes`;
    if (open !== null) return stopped(open, `isn't closed within ${size}`);
    return new StoppedError(
      'unclosed_quote',
      `${source.path}: row ${row + 1}, which starts at line ${line}, is longer than ${size}; no note is, so nothing from there on was read. The rows before it were. Mend the file and run the same command again`,
      false,
    );
  }

  function scanFromStart(end: number): BrokenRecord {
    const record = brokenRecord({ delimiter: header.delimiter, start, line });
    record.scan(bytes.slice(start, Math.min(end, bytes.end())), start, true);
    return record;
  }

  function stopped(open: { readonly line: number; readonly column: number }, how: string): StoppedError {
    return new StoppedError(
      'unclosed_quote',
      `${source.path}: row ${row + 1} (line ${line}): the quote that opens at line ${open.line} in ${tell.column(open.column)} ${how}, so nothing from row ${row + 1} on can be trusted to be a row. ` +
        'The rows before it were read. Close the quote (a quote inside a quoted cell is written twice) and run the same command again',
      false,
    );
  }
}

/** CRLF is one line end. `high`: there are bytes beyond ASCII. */
function countLineEnds(bytes: Buffer): { readonly lineEnds: number; readonly high: boolean } {
  let lineEnds = 0;
  let all = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    all |= byte;
    if (byte === LF || (byte === CR && bytes[i + 1] !== LF)) lineEnds++;
  }
  return { lineEnds, high: all > 0x7f };
}
