import { stringify } from 'csv-stringify/sync';

/**
 * Rows as CSV (RFC 4180, but LF, unless it is for Excel): comma, quotes where needed, every row with its line end. What it writes is read back cell for cell by any
 * reader that takes CRLF, LF and CR for line ends.
 */
export function csvRows(rows: readonly (readonly string[])[], excel = false): string {
  const options = excel ? EXCEL : OPTIONS;
  // A row with nothing in its only cell would be a blank line, which readers skip.
  return stringify(rows as string[][], rows[0]?.length === 1 ? { ...options, quoted_empty: true } : options); // the library's types know no readonly
}

/** The first line of a file: a BOM in its first cell would be taken for the file's own, unless it is quoted. */
export function csvHeader(header: readonly string[], excel = false): string {
  const line = stringify([header as string[]], { ...(excel ? EXCEL : OPTIONS), quoted_empty: true, quoted_match: /[\ufeff\r\n]/ });
  return excel ? `\ufeff${line}` : line;
}

// With a record delimiter given, the library leaves a lone CR unquoted unless it is told.
const OPTIONS = { record_delimiter: '\n', quote_record_delimiter: true };
/** A lone line feed in a cell is no record delimiter then, and must be quoted all the same. */
const EXCEL = { ...OPTIONS, record_delimiter: '\r\n', quoted_match: /[\r\n]/ };
