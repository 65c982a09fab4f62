/** Tells records that stand among the rows and are none: a report's footer, the header once more. */
export function noRow(header: readonly string[]): (cells: readonly string[]) => 'footer' | 'second-header' | null {
  const first = header[0] ?? '';
  return (cells) => {
    if (cells[0] === first && cells.length === header.length && first !== '' && cells.every((cell, i) => cell === header[i]))
      return 'second-header';
    return isFooter(cells) ? 'footer' : null;
  };
}

/** Few cells of which only the first says something, in the words of a report's footer: as a row it would lack contact or text. */
function isFooter(cells: readonly string[]): boolean {
  // Nearly every row has something in its second cell.
  if (cells.length > 1 && cells[1] !== '' && cells[0] !== '') return false;
  const filled = cells.filter((cell) => cell.trim() !== '');
  return filled.length === 1 && filled[0]!.length < 300 && FOOTERS.test(filled[0]!.trim());
}

const FOOTERS =
  /^(?:confidential information\b|copyright\b.{0,40}\b\d{4}|(?:©|\(c\)) ?\d{4}|all rights reserved|(?:grand |sub)?totals?\b[^.]{0,40}$|total (?:records|rows)\b|records?: ?\d+$|\d+ (?:records|rows)\b.{0,20}$|(?:report )?(?:generated|exported|created) (?:by|on|at|from)\b|[-*=\s]*end of (?:report|file|export|list)\b)/i;
