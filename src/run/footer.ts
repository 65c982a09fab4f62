import type { SourceRow } from '../model.js';

/**
 * Makes the test for lines that are no notes, such as the title and the copyright below a report: text in the first cell alone.
 * @param beginnings how it begins, whatever its case; `*`: anyhow
 */
export function createFooterTest(beginnings: readonly string[]): (row: SourceRow) => boolean {
  if (beginnings.length === 0) return () => false;
  const wanted = beginnings.map(comparable);
  const isAny = beginnings.includes('*');
  return (row) => {
    const text = onlyCell(row);
    if (text === null) return false;
    const found = comparable(text);
    return isAny || wanted.some((beginning) => found.startsWith(beginning));
  };
}

/** null: there is more than one, or it is longer than a footer. */
function onlyCell(row: SourceRow): string | null {
  if (row.kind === 'record') return row.cells.slice(1).every((cell) => cell.trim() === '') ? (row.cells[0] ?? '') : null;
  if (row.input.header.length < 2 || row.raw.length > LONGEST_BYTES) return null;
  const text = new TextDecoder(row.input.encoding).decode(row.raw).trim();
  if (ONE_QUOTED_CELL.test(text)) return text.slice(1, -1);
  return text.includes('"') || text.includes(row.input.delimiter) ? null : text;
}

const LONGEST_BYTES = 2000;
const ONE_QUOTED_CELL = /^"(?:[^"]|"")*"$/;

function comparable(text: string): string {
  return text.trim().toLowerCase().normalize('NFC');
}
