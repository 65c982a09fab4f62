/**
 * Tells a field that swallowed the rows below it: its quote was never closed, and a quote that closes it by accident stands lines later.
 * That parses without an error, and three notes become one.
 *
 * The evidence must be strong, since notes of several lines with commas are normal. Read as if quotes meant nothing, every line below the record's first has
 * exactly the header's number of columns, and its first cell is an id like the record's own.
 *
 * @param options.text the record as it stands in the file, without its line end
 * @returns the number of lines that look like rows; 0: an ordinary record
 */
export function swallowedRows(options: { text: string; delimiter: string; columns: number; previousId: string | null }): number {
  const { text, delimiter, columns } = options;
  // The last line decides about nearly every ordinary note.
  const last = text.slice(Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1);
  if (last.split(delimiter, columns + 1).length !== columns) return 0;
  const lines = text.split(/\r\n|\n|\r/);
  const first = lines[0]!.split(delimiter);
  const shape = idShape(first[0]!, columns);
  if (lines.length < 2 || shape === null || first.length < columns) return 0;
  if (options.previousId !== null && idShape(options.previousId, columns)?.shape !== shape.shape) return 0;
  for (let i = 1; i < lines.length; i++) {
    const cells = lines[i]!.split(delimiter, columns + 1);
    if (cells.length !== columns) return 0;
    const own = idShape(cells[0]!, columns);
    if (own === null || own.shape !== shape.shape || Math.abs(own.length - shape.length) > 1) return 0;
  }
  return lines.length - 1;
}

/**
 * What ids of one kind have in common: `c-17` and `c-18` are both `a-0`; null where it could as well be the begin of a line in a note
 * (a word, a date, a time, an item's number in a list of two columns).
 */
function idShape(cell: string, columns: number): { shape: string; length: number } | null {
  const id = cell.trim();
  if (id.length === 0 || id.length > 64 || !/\d/.test(id) || /\s/.test(id)) return null;
  if (/^\d+[-./:]\d+([-./:T]\d+.*)?$/.test(id)) return null;
  if (/^\d+$/.test(id)) return columns === 2 && id.length < 4 ? null : { shape: '0', length: id.length };
  // Letters and digits of a hexadecimal or base-62 id come in any order.
  const shape = /^[0-9a-z]{12,}$/i.test(id) || /^[0-9a-f-]{32,36}$/i.test(id) ? 'x' : id.replace(/[a-z]+/gi, 'a').replace(/\d+/g, '0');
  return { shape, length: id.length };
}
