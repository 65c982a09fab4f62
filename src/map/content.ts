import type { ColumnPlan, FieldSource } from './columns.js';
import { countCodePoints, hasVisible, MAX_NAME, MAX_TEXT } from './schema.js';
import { splitText, truncateText } from './split-text.js';

/** What is done with name and text between the cells and the API. */
export interface ContentOptions {
  /** `--html text`: makes text of HTML; null: cells stay as they are. */
  readonly htmlToText: ((cell: string) => string) | null;
  readonly tooLong: 'reject' | 'truncate' | 'split';
}

/** A note's name and text, on their way to be checked. */
export interface Content {
  readonly name: string;
  readonly text: string;
  /** What the text is cut into where one memory can't hold it (`--too-long split`): two at least, in order. Else null. */
  readonly parts: readonly string[] | null;
  /** What of the input identifies the note; never depends on options such as `--html`. null: nothing, options give it all. */
  readonly identity: { readonly name: string | null; readonly text: string | null };
  /** Why there is no name, or no text, where the cells alone don't say it. */
  readonly blankBecause: { readonly name: string | null; readonly text: string | null };
}

/** A longer text isn't cut, but refused: `--too-long split` makes a handful of memories, not thousands. */
export const MAX_SPLIT = 100 * MAX_TEXT;

type Cells = readonly string[];

/** Makes the function that reads name and text: cell → text of HTML → `--set` → the API's lengths. */
export function createContent(
  { name, text, whenBlank }: Pick<ColumnPlan, 'name' | 'text' | 'whenBlank'>,
  { htmlToText, tooLong }: ContentOptions,
) {
  const nameOf = orWhenBlank(name, whenBlank.name, (cell) => titleOf(cell, htmlToText));
  const textOf = orWhenBlank(text, whenBlank.text, htmlToText ?? ((cell) => cell));
  const isShortened = name.kind === 'template' || whenBlank.name?.kind === 'template' || (name.kind === 'column' && tooLong !== 'reject');

  return (cells: Cells): Content => {
    const title = name.kind === 'template' ? oneLine(nameOf(cells)) : nameOf(cells);
    const input = { name: inputOf(name, cells), text: inputOf(text, cells) };
    const hadText = htmlToText !== null && (input.text ?? '').trim() !== '';
    return {
      name: isShortened ? truncateText(title, MAX_NAME) : title,
      ...fitted(textOf(cells), tooLong),
      // A name made of other columns identifies a note only where it has no text of its own.
      identity: { name: name.kind === 'column' || text.kind === 'constant' ? input.name : null, text: input.text },
      blankBecause: {
        name: name.kind === 'template' ? 'the columns that --set name takes it from are empty here' : null,
        text: hadText ? 'its HTML has no text' : null,
      },
    };
  };
}

/** `Call (2/3)`, the name shortened where it wouldn't fit. */
export function partName(name: string, number: number, count: number): string {
  const suffix = ` (${number}/${count})`;
  return truncateText(name.trimEnd(), MAX_NAME - suffix.length) + suffix;
}

/** What such a name says of a memory; null: it isn't one of several. */
export function partOf(name: string): { readonly number: number; readonly count: number } | null {
  const [, number, count] = / \((\d{1,3})\/(\d{1,3})\)$/.exec(name.trimEnd()) ?? [];
  return number === undefined || Number(number) < 1 || Number(number) > Number(count) || Number(count) < 2
    ? null
    : { number: Number(number), count: Number(count) };
}

function fitted(text: string, tooLong: ContentOptions['tooLong']): Pick<Content, 'text' | 'parts'> {
  if (tooLong === 'reject' || text.length <= MAX_TEXT || !isStorable(text)) return { text, parts: null };
  if (tooLong === 'truncate') return { text: truncateText(text, MAX_TEXT), parts: null };
  const length = countCodePoints(text);
  if (length <= MAX_TEXT || length > MAX_SPLIT) return { text, parts: null };
  const parts = splitText(text, MAX_TEXT);
  return parts.length > 1 ? { text, parts } : { text: parts[0] ?? '', parts: null };
}

/** What no note can hold isn't cut out of sight: the row is refused for it. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Makes the function that reads a field of a row. `cellText` makes of a cell what stands in its place. */
export function fieldReader(source: FieldSource, cellText: (cell: string) => string): (cells: Cells) => string {
  switch (source.kind) {
    case 'constant':
      return () => source.value;
    case 'column':
      return (cells) => cellText(cells[source.index] ?? '');
    case 'template':
      return (cells) =>
        source.parts
          .map((part) => (typeof part === 'string' ? part : cellText(cells[part.index] ?? '').trim()))
          .join('')
          .trim();
  }
}

/** Identity is what the cell has, blank or not. */
function orWhenBlank(source: FieldSource, fallback: FieldSource | null, cellText: (cell: string) => string): (cells: Cells) => string {
  const read = fieldReader(source, cellText);
  if (fallback === null) return read;
  const readFallback = fieldReader(fallback, cellText);
  return (cells) => {
    const value = read(cells);
    return hasVisible(value) ? value : oneLine(readFallback(cells));
  };
}

/** HTML in a title would leave lines. */
function titleOf(cell: string, htmlToText: ContentOptions['htmlToText']): string {
  const title = htmlToText === null ? cell : htmlToText(cell);
  return title === cell ? cell : oneLine(title);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** The cells that a field is made of, as they are; null where it comes from no column. */
function inputOf(source: FieldSource, cells: Cells): string | null {
  if (source.kind === 'constant') return null;
  if (source.kind === 'column') return cells[source.index] ?? '';
  const indexes = [...new Set(source.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.index])))].sort((a, b) => a - b);
  return indexes.map((index) => (cells[index] ?? '').trim()).join('\u001f');
}
