/** A stretch of a cell: a tag of HTML, or text, with its entities as they stand. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly name: string; readonly isEnd: boolean; readonly source: string };

/** A cell in pieces. `isMarkup`: something in it is HTML's, if only a comment. */
export interface Markup {
  readonly pieces: readonly Piece[];
  readonly isMarkup: boolean;
}

/**
 * Tells tags from text that only has a `<` in it (`a < b`, `<kim@example.org>`, `<tbd>`). What no reader sees is gone already: comments
 * (Outlook's conditional ones too), style, script, head. Nothing else is lost: what isn't closed as it should be is text.
 * Takes time in proportion to the cell, whatever is in it.
 */
export function readMarkup(cell: string): Markup {
  const closed = closedNames(cell);
  const pieces: Piece[] = [];
  let isMarkup = false;
  let begin = 0;
  let at = cell.indexOf('<');
  // From here on there is no end of a comment, so no comment either: nobody needs to look again.
  const missing = new Set<string>();
  while (at >= 0) {
    const found = unseen(cell, at, missing) ?? tagAt(cell, at, closed);
    if (found === null) {
      at = cell.indexOf('<', at + 1);
      continue;
    }
    isMarkup = true;
    if (at > begin) pieces.push({ kind: 'text', text: cell.slice(begin, at) });
    if (found.tag !== null) pieces.push(found.tag);
    begin = found.end;
    at = cell.indexOf('<', begin);
  }
  if (begin < cell.length) pieces.push({ kind: 'text', text: cell.slice(begin) });
  return { pieces, isMarkup };
}

/** Whether more than so many elements are open at a time. One that begins where its like must end, without an end tag, closes that. */
export function isNestedDeeper({ pieces }: Markup, most: number): boolean {
  const open: string[] = [];
  const counts = new Map<string, number>();
  const close = (name: string | undefined): void => {
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) - 1);
  };
  for (const piece of pieces) {
    if (piece.kind === 'text' || VOID.has(piece.name)) continue;
    const { name, isEnd } = piece;
    if (isEnd) {
      if ((counts.get(name) ?? 0) === 0) continue;
      for (let last = open.pop(); ; last = open.pop()) {
        close(last);
        if (last === name) break;
      }
      continue;
    }
    if (IMPLIED_END.has(name) && open.at(-1) === name) continue;
    open.push(name);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (open.length > most) return true;
  }
  return false;
}

interface Found {
  readonly end: number;
  /** null: it leaves nothing. */
  readonly tag: Extract<Piece, { kind: 'tag' }> | null;
}

/** Comments, declarations, and elements whose content is no text. */
function unseen(cell: string, at: number, missing: Set<string>): Found | null {
  if (cell.startsWith('<!--', at)) return upTo(cell, '-->', at + 4, missing);
  UNSEEN.lastIndex = at;
  const name = UNSEEN.exec(cell)?.[1]?.toLowerCase();
  if (name === undefined) return null;
  const isElement = /^[a-z]/.test(name);
  if (!isElement) {
    const end = tagEnd(cell, at + 2);
    return end < 0 || end - at > MAX_DECLARATION ? null : { end, tag: null };
  }
  if (missing.has(name) || tagEnd(cell, at + 1 + name.length) < 0) return null;
  const closing = new RegExp(`</${name}\\s*>`, 'gi');
  closing.lastIndex = at;
  if (closing.exec(cell) !== null) return { end: closing.lastIndex, tag: null };
  missing.add(name);
  return null;
}

function upTo(cell: string, mark: string, from: number, missing: Set<string>): Found | null {
  const end = missing.has(mark) ? -1 : cell.indexOf(mark, from);
  if (end >= 0) return { end: end + mark.length, tag: null };
  missing.add(mark);
  return null;
}

function tagAt(cell: string, at: number, closed: ReadonlySet<string>): Found | null {
  TAG_NAME.lastIndex = at;
  const found = TAG_NAME.exec(cell);
  if (found === null) return null;
  const [start, slash = '', written = ''] = found;
  const end = tagEnd(cell, at + start.length);
  if (end < 0) return null;
  const name = written.toLowerCase();
  const inside = cell.slice(at + start.length, end - 1).replace(/\/$/, '');
  const isEnd = slash === '/';
  if (isEnd ? inside.trim() !== '' : !areAttributes(inside)) return null;
  const isHtml = closed.has(name) || name.includes(':') || (NAMES.has(name) && (isEnd || !WORDS.has(name) || inside.trim() !== ''));
  return isHtml ? { end, tag: { kind: 'tag', name, isEnd, source: cell.slice(at, end) } } : null;
}

/** Where a tag ends, behind its `>`; -1 where it doesn't before the next `<`. Both may stand in an attribute's quotes. */
function tagEnd(cell: string, from: number): number {
  for (let at = from; at < cell.length; at++) {
    const character = cell[at];
    if (character === '>') return at + 1;
    if (character === '<') return -1;
    if (character !== '=') continue;
    let value = at + 1;
    while (isSpace(cell[value])) value++;
    const quote = cell[value];
    if (quote !== '"' && quote !== "'") continue;
    at = cell.indexOf(quote, value + 1);
    if (at < 0) return -1;
  }
  return -1;
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r';
}

/** `<b and b>` is no tag: a name without a value is an attribute's only where HTML has it so. */
function areAttributes(inside: string): boolean {
  for (const [token, value] of inside.matchAll(ATTRIBUTE))
    if (value === undefined && !isFlag(token) && !/^["'/=]$/.test(token)) return false;
  return true;
}

function isFlag(word: string): boolean {
  return FLAGS.has(word.toLowerCase()) || /^[a-z]+-[a-z-]+$/i.test(word);
}

function closedNames(cell: string): ReadonlySet<string> {
  return new Set(Array.from(cell.matchAll(/<\/([a-z][a-z0-9:-]*)\s*>/gi), ([, name = '']) => name.toLowerCase()));
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const UNSEEN = /<(style|script|head|title|xml|template|svg|object|!doctype|!\[(?:if|endif)|\?xml)(?=[\s>:/!\]])/iy;
const TAG_NAME = /<(\/?)([a-z][a-z0-9]*(?:-[a-z0-9]+)*(?::[a-z][a-z0-9]*)?)(?=[\s/>])/iy;
/** One after the other, with its value, or a sign that is none. */
const ATTRIBUTE = /[^\s"'/=]+(\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"']+))?|\S/g;
const MAX_DECLARATION = 1000;

/** Elements of HTML, today's and yesterday's. */
const NAMES = words(
  'a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote body br button canvas caption center ' +
    'cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form ' +
    'frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark menu meta ' +
    'meter nav nobr noframes noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp section select ' +
    'small source span strike strong sub summary sup table tbody td textarea tfoot th thead time title tr track tt u ul var video wbr',
);

/** They have no end. */
const VOID = words('area base basefont br col embed frame hr img input link meta param source track wbr');

const IMPLIED_END = words('dd dt li option p td th tr');

/** Those of them that people put in angle brackets themselves (`send it to <address>`): they need an attribute, or an end. */
const WORDS = words(
  'abbr address applet area article aside audio base button canvas caption cite code data details dialog dir embed figure form frame ' +
    'head header footer input label legend link main map mark menu meta meter object option output param picture progress section select ' +
    'source summary template time title track video',
);

/** Attributes that may stand without a value. */
const FLAGS = words(
  'allowfullscreen async autofocus checked compact contenteditable controls default defer disabled download hidden inert ismap itemscope ' +
    'loop multiple muted nohref noresize noshade novalidate nowrap open readonly required reversed selected',
);
