import { compile, type DomNode, type FormatCallback, type HtmlToTextOptions, type SelectorDefinition } from 'html-to-text';
import { isNestedDeeper, type Markup, type Piece, readMarkup } from './html-markup.js';

/**
 * What a reader of the HTML would read: paragraphs, lists, tables and links stay legible, everything else of it goes. A text that isn't
 * HTML stays as it is, but for complete entities (`&amp;`), which nobody writes by hand.
 * Takes time in proportion to the length; deep nesting costs lists and tables their form, never a word.
 */
export function htmlToText(cell: string): string {
  const markup = readMarkup(cell);
  if (!markup.isMarkup) return withoutEntities(cell);
  if (isNestedDeeper(markup, MOST_OPEN)) return tidy(convert(toFlatHtml(markup)));
  const converted = convert(toHtml(markup));
  return tidy(converted.includes(TOO_DEEP) ? convert(toFlatHtml(markup)) : converted);
}

// Beyond it the converter would need more of the stack than there may be.
const MAX_DEPTH = 300;
// The converter's parser takes time in proportion to the depth for each tag: a megabyte of `<b>` is a minute. More than the depth above,
// since who leaves out end tags nests less than it seems.
const MOST_OPEN = 5000;
/** No text holds it: a noncharacter that Unicode keeps for such uses. It stands where the converter gave up. */
const TOO_DEEP = '\ufdd0';
const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/gi;
const NO_ENTITY = /&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});|nbsp\b)/gi;

/** The same HTML, in which only what is markup looks like it. Where nothing else breaks lines, line ends do. */
function toHtml({ pieces }: Markup): string {
  const breaksLines = pieces.some((piece) => piece.kind === 'tag' && BLOCKS.has(piece.name));
  return pieces.map((piece) => (piece.kind === 'text' ? textHtml(piece.text, breaksLines) : tagHtml(piece))).join('');
}

/** Without any nesting: line breaks and links are all that is left of the markup. */
function toFlatHtml({ pieces }: Markup): string {
  let isInLink = false;
  return pieces
    .map((piece) => {
      if (piece.kind === 'text') return textHtml(piece.text, true);
      if (piece.name !== 'a') return piece.name === 'br' || BLOCKS.has(piece.name) ? '<br>' : '';
      if (piece.isEnd !== isInLink) return '';
      isInLink = !piece.isEnd;
      return piece.source;
    })
    .join('');
}

function textHtml(text: string, breaksLines: boolean): string {
  const escaped = text.replaceAll(TOO_DEEP, '').replace(NO_ENTITY, '&amp;').replaceAll('<', '&lt;');
  return breaksLines ? escaped : escaped.replace(/\r\n?|\n/g, '<br>');
}

/** The converter takes what is in `body` and nothing else, and a note may begin before it. */
function tagHtml({ name, source }: Extract<Piece, { kind: 'tag' }>): string {
  return name === 'html' || name === 'body' ? '<br>' : source;
}

/** No-break spaces and spaces at line ends are the markup's, and so are more than one empty line. */
function tidy(text: string): string {
  const lines = text.replaceAll('\u00a0', ' ').split('\n');
  return lines
    .map((line) => line.trimEnd())
    .filter((line, at, all) => line !== '' || (at > 0 && all[at - 1] !== ''))
    .join('\n')
    .trimEnd();
}

/** Line ends and spaces stay as they are. */
function withoutEntities(text: string): string {
  const known = new Map<string, string>();
  return text.replace(ENTITY, (entity) => {
    const found = known.get(entity) ?? (convert(`<pre>${entity}</pre>`).replaceAll('\u00a0', ' ') || entity);
    known.set(entity, found);
    return found;
  });
}

const link: FormatCallback = (element, walk, builder) => {
  let text = '';
  builder.pushWordTransform((word) => {
    text += word;
    return word;
  });
  walk(element.children ?? [], builder);
  builder.popWordTransform();
  const address = (element.attribs?.href ?? '').trim();
  if (!/^(?:https?|mailto|tel|ftp|sms):/i.test(address) && !/^www\./i.test(address)) return;
  const shown = address.replace(/^(?:mailto|tel|sms):/i, '');
  if (bare(shown) === bare(text)) return;
  builder.addInline(text === '' ? shown : ` (${shown})`, { noWordTransform: true });
};

/** Of an address what makes it another one: `https://example.org/` and `example.org` are one to a reader. */
function bare(address: string): string {
  return address
    .replace(/\s/g, '')
    .replace(/^(?:https?:\/\/|mailto:|tel:)?(?:www\.)?/i, '')
    .replace(/\/$/, '')
    .toLowerCase();
}

/** An image that somebody described is worth its description; a pixel and an image in the text itself aren't. */
const image: FormatCallback = ({ attribs = {} }, _walk, builder) => {
  const { src = '', alt = '', width, height } = attribs;
  const isPixel = [width, height].some((size) => size !== undefined && Number.parseInt(size, 10) <= 1);
  if (isPixel || !/^(?:https?:)?\/\//i.test(src.trim()) || FILE_NAME.test(alt)) return;
  builder.addInline(alt);
};

const FILE_NAME = /^\s*\S+\.(?:png|jpe?g|gif|webp|bmp|svg)\s*$/i;

/** `- ` or the number before each item, what is in it as far to the right. */
const list: FormatCallback = (element, walk, builder, options) => {
  const { children = [], attribs = {} } = element;
  const items = children.filter(({ type, data }) => type !== 'text' || (data ?? '').trim() !== '');
  if (items.length === 0) return;
  const letters = attribs.type === 'a' || attribs.type === 'A' ? attribs.type.charCodeAt(0) : null;
  let number = Number.parseInt(attribs.start ?? '1', 10) || 1;
  const marked = items.map((item) => {
    if (item.name !== 'li') return { item, prefix: '' };
    if (element.name === 'ul') return { item, prefix: '- ' };
    const mark = letters !== null && number > 0 && number <= 26 ? String.fromCharCode(letters + number - 1) : String(number);
    number++;
    return { item, prefix: `${mark}. ` };
  });
  const breaks = LISTS.has(element.parent?.name ?? '') ? 1 : (options.leadingLineBreaks ?? 2);
  const maxPrefixLength = marked.reduce((longest, { prefix }) => Math.max(longest, prefix.length), 0);
  builder.openList({ interRowLineBreaks: 1, leadingLineBreaks: breaks, maxPrefixLength, prefixAlign: 'left' });
  for (const { item, prefix } of marked) {
    builder.openListItem({ prefix });
    walk([item], builder);
    builder.closeListItem();
  }
  builder.closeList({ trailingLineBreaks: breaks });
};

/** A row a line, its cells apart by ` | `. A table that only puts things in their place has one cell a row, or lines in its cells. */
const table: FormatCallback = (element, walk, builder, options) => {
  const walkCell = (cell: DomNode) => {
    builder.openTableCell({});
    walk(cell.children ?? [], builder);
    builder.closeTableCell({});
  };
  const walkPart = (part: DomNode): void => {
    if (part.name === 'tr') {
      builder.openTableRow();
      for (const cell of part.children ?? []) if (cell.name === 'td' || cell.name === 'th') walkCell(cell);
      builder.closeTableRow();
    } else if (part.name === 'caption' || (part.type === 'text' && (part.data ?? '').trim() !== '')) {
      builder.openTableRow();
      builder.openTableCell({});
      walk([part], builder);
      builder.closeTableCell({});
      builder.closeTableRow();
    } else if (part.type === 'tag') for (const child of part.children ?? []) walkPart(child);
  };
  builder.openTable();
  for (const child of element.children ?? []) walkPart(child);
  builder.closeTable({
    tableToString: (rows) => linesOf(rows.map((row) => row.map(({ text }) => tidy(text).trim()))).join('\n'),
    leadingLineBreaks: options.leadingLineBreaks,
    trailingLineBreaks: options.trailingLineBreaks,
  });
};

function linesOf(rows: readonly (readonly string[])[]): readonly string[] {
  const filled = rows.filter((row) => row.some((cell) => cell !== ''));
  const isLayout = rows.length === 1 || rows.some((row) => row.some((cell) => cell.includes('\n')));
  if (isLayout) return filled.flatMap((row) => row.filter((cell) => cell !== ''));
  const used = new Set(filled.flatMap((row) => row.flatMap((cell, column) => (cell === '' ? [] : [column]))));
  return filled.map((row) =>
    row
      .filter((_, column) => used.has(column))
      .join(' | ')
      .trimEnd(),
  );
}

const LISTS: ReadonlySet<string> = new Set(['li', 'ul', 'ol']);

const LINES = { leadingLineBreaks: 1, trailingLineBreaks: 1 };
const PARAGRAPH = { leadingLineBreaks: 2, trailingLineBreaks: 2 };

const block = (selector: string): SelectorDefinition => ({ selector, format: 'block', options: LINES });
const gone = (selector: string): SelectorDefinition => ({ selector, format: 'skip' });

const BLOCKS: ReadonlySet<string> = new Set(
  (
    'address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 ' +
    'h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul'
  ).split(' '),
);

const OPTIONS: HtmlToTextOptions = {
  wordwrap: false,
  limits: { maxDepth: MAX_DEPTH, ellipsis: TOO_DEEP },
  formatters: { link, image, list, table },
  selectors: [
    { selector: 'a', format: 'link' },
    { selector: 'img', format: 'image' },
    { selector: 'table', format: 'table', options: PARAGRAPH },
    { selector: 'hr', format: 'horizontalLine', options: { ...PARAGRAPH, length: 3 } },
    { selector: 'ul', format: 'list', options: PARAGRAPH },
    { selector: 'ol', format: 'list', options: PARAGRAPH },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { ...PARAGRAPH, uppercase: false } })),
    ...'address caption center dd details dialog dl dt fieldset figcaption figure hgroup legend li menu summary'.split(' ').map(block),
    { selector: 'li > p', format: 'block', options: LINES },
    ...'[hidden] [style*="display:none"] [style*="mso-hide:all"]'.split(' ').map(gone),
    gone('[style*="display: none"]'),
  ],
};

const convert = compile(OPTIONS);
