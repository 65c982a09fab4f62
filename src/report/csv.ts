import { stringify } from 'csv-stringify/sync';

/**
 * Rows as CSV (RFC 4180, but LF): comma, quotes where needed, every row with its line end. What it writes is read back cell for cell by any
 * reader that takes CRLF, LF and CR for line ends.
 */
export function csvRows(rows: readonly (readonly string[])[]): string {
  // A row with nothing in its only cell would be a blank line, which readers skip.
  return stringify(rows as string[][], rows[0]?.length === 1 ? SINGLE_COLUMN : OPTIONS); // the library's types know no readonly
}

/** The first line of a file: a BOM in its first cell would be taken for the file's own, unless it is quoted. */
export function csvHeader(header: readonly string[]): string {
  return stringify([header as string[]], { ...SINGLE_COLUMN, quoted_match: '\ufeff' });
}

// With a record delimiter given, the library leaves a lone CR unquoted unless it is told.
const OPTIONS = { record_delimiter: '\n', quote_record_delimiter: true };
const SINGLE_COLUMN = { ...OPTIONS, quoted_empty: true };
