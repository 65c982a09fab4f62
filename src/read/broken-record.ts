/** Finds where a record that can't be parsed ends, from its first byte on. */
export interface BrokenRecord {
  /**
   * Looks at more bytes; `bytes` are those at the offsets `from` to `to`, where `from` is what `at()` says.
   * @returns the offset behind the line end that ends the record, or null: not in these bytes
   */
  scan(bytes: Buffer, from: number, ended: boolean): number | null;
  at(): number;
  /** The quoted field that is open where the scan stands, or null. */
  openQuote(): { readonly line: number; readonly column: number } | null;
}

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/**
 * The record ends at the first line end where its quotes are even: behind an odd one we are inside somebody's note, and a line of a note must never be taken for a row.
 * Quotes count only in a field that begins with one (spaces before it aside); in `5" pipe` it is an inch mark. Once a quote closed in the wrong place, where a field
 * begins is a guess, as in `"she said "no, thanks" and left"`: from there on every quote of the record counts.
 * @param options.line the line where the record starts
 */
export function brokenRecord(options: { delimiter: string; start: number; line: number }): BrokenRecord {
  const delimiter = Buffer.from(options.delimiter);
  let position = options.start;
  let line = options.line;
  let column = 0;
  let field: 'begins' | 'plain' | 'quoted' = 'begins';
  let odd = false;
  let misplaced = false;
  let openLine = line;

  return {
    at: () => position,
    openQuote: () => (odd ? { line: openLine, column } : null),
    scan: (bytes, from, ended) => {
      let i = position - from;
      for (; i < bytes.length; i++) {
        const byte = bytes[i]!;
        if (byte === QUOTE && (field !== 'plain' || misplaced)) {
          if (field !== 'quoted') openLine = line;
          field = 'quoted';
          odd = !odd;
        } else if (byte === CR || byte === LF) {
          if (byte === CR && i + 1 === bytes.length && !ended) break;
          if (byte === CR && bytes[i + 1] === LF) i++;
          line++;
          if (!odd) {
            position = from + i + 1;
            return position;
          }
        } else if (!odd && byte === delimiter[0]) {
          if (i + delimiter.length > bytes.length && !ended) break;
          if (delimiter.length === 1 || delimiter.compare(bytes, i, i + delimiter.length) === 0) {
            field = 'begins';
            column++;
            i += delimiter.length - 1;
          } else content(byte);
        } else content(byte);
      }
      position = from + i;
      return ended && !odd ? position : null;
    },
  };

  function content(byte: number): void {
    if (field === 'begins' && byte !== SPACE) field = 'plain';
    if (field === 'quoted' && !odd) misplaced = true;
  }
}
