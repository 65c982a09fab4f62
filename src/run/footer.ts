import type { SourceRow } from '../model.js';

/** Makes the test for lines below the data that are no notes, such as a report's copyright: text in the first cell alone that begins so. */
export function createFooterTest(beginnings: readonly string[]): (row: SourceRow) => boolean {
  if (beginnings.length === 0) return () => false;
  const wanted = beginnings.map(comparable);
  return (row) => {
    const text =
      row.kind === 'malformed'
        ? onlyCell(row.raw, row.input.encoding)
        : row.cells.slice(1).every((cell) => cell === '')
          ? row.cells[0]
          : null;
    if (text === null || text === undefined) return false;
    const found = comparable(text);
    return wanted.some((beginning) => found.startsWith(beginning));
  };
}

/** A footer is short: whatever is longer is a note. */
const LONGEST_BYTES = 2000;

function onlyCell(raw: Uint8Array, encoding: string): string | null {
  return raw.length > LONGEST_BYTES ? null : new TextDecoder(encoding).decode(raw).trim().replace(/^"/, '');
}

function comparable(text: string): string {
  return text.trim().toLowerCase().normalize('NFC');
}
