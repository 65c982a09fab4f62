import type { ParseFault } from './record-parser.js';

/** What is wrong with a record, in words: what was expected, what was found; never the note's text. */
interface RecordMessages {
  /** How a column is named: by its header, where it has one. `column` counts from 0. */
  column(column: number): string;
  count(found: number): string;
  encoding(cells: readonly string[]): string;
  /** `column` counts from 0. */
  swallowed(rows: number, column: number): string;
  noRow(finding: 'footer' | 'second-header'): string;
  /** `lines`: how many lines the record takes until its quotes are even. */
  fault(fault: ParseFault, lines: number): string;
}

export function recordMessages(header: readonly string[], encoding: string): RecordMessages {
  const columnName = (column: number): string => {
    const cell = header[column];
    return cell === undefined || cell === '' ? `column ${column + 1}` : `column ${JSON.stringify(cell.slice(0, 80))}`;
  };
  return {
    column: columnName,
    count: (found) => `${found} ${found === 1 ? 'column' : 'columns'}, expected ${header.length} as in the header`,
    encoding: (cells) => {
      const column = cells.findIndex((cell) => cell.includes('\ufffd'));
      const where = column < 0 ? '' : ` in ${columnName(column)}`;
      const option = encoding === 'utf-8' ? '--encoding windows-1252, for instance' : '--encoding';
      return `bytes that aren't valid ${encoding}${where}; if the file was saved in another encoding, name it with ${option}`;
    },
    swallowed: (rows, column) =>
      `a quote that opens ${columnName(column)} of this row seems to close by accident ${rows} ${rows === 1 ? 'line' : 'lines'} below: what lies between looks like rows of their own; ` +
      'expected the closing quote in this row (swallowed-rows). If it is one note: --accept swallowed-rows',
    noRow: (finding) =>
      finding === 'footer'
        ? "looks like a report's footer, not a row (footer); delete it, or leave such lines out with --accept footer"
        : 'repeats the header, and is no row (second-header); delete it, or leave such lines out with --accept second-header',
    fault: (fault, lines) => {
      const cell = columnName(fault.column);
      const what =
        fault.kind === 'opening_quote'
          ? `a quote stands inside ${cell}, which doesn't begin with one; a cell with quotes is put in quotes, and each quote in it is written twice`
          : `a quote closes ${cell} in the wrong place: text follows it; a quote inside a quoted cell is written twice`;
      return lines > 1
        ? `${what} (its quotes are even again only at the end of line ${lines} of this record, and all of it is left out)`
        : what;
    },
  };
}
