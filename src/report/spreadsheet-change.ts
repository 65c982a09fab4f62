/**
 * Whether a spreadsheet would show, and save, another text than this cell's when it opens the file: `007` as 7, `1.50` as 1.5, `1E5` as
 * 100000, more than 15 digits as 1.23456789012346E+16. So do LibreOffice and Excel, whatever their language.
 */
export function isChangedNumber(cell: string): boolean {
  return beginsLikeNumber(cell) && NUMBER.test(cell) && !KEPT_NUMBER.test(cell);
}

/**
 * The same of what only some of them change, by their settings and languages: decimals, dates, times, shares, amounts, truth values, and
 * twelve digits and more, which Excel saves as 1.23457E+11.
 */
export function isChangedValue(cell: string): boolean {
  if (cell.length === 0 || cell.length > LONGEST_VALUE) return false;
  if (TRUTH.test(cell) || MONTH_FIRST.test(cell)) return true;
  return VALUE.test(cell) && /\d/.test(cell) && !KEPT_INTEGER.test(cell);
}

function beginsLikeNumber(cell: string): boolean {
  const code = cell.charCodeAt(0);
  // A digit, a full-width one, a comma, a point, or blanks in front.
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2c || code === 0x20 || code === 0xa0 || (code >= 0xff10 && code <= 0xff19)
  );
}

const NUMBER = /^[ \u00a0]*(?:[\d.,]+|[\uff10-\uff19]+)(?:E[+-]?\d+)?[ \u00a0]*$/i;
/** Fifteen digits are kept exactly. */
const KEPT_NUMBER = /^(?:0|[1-9]\d{0,14})$|^(?:0|[1-9]\d{0,9})\.\d{0,4}[1-9]$|^[.,\s]*$/;

const LONGEST_VALUE = 60;
const KEPT_INTEGER = /^(?:0|[1-9]\d{0,10})$/;
const MONTHS = '(?:jan|feb|m[aä]r|apr|a[vb]r|ma[iyrj]|jun|jul|aug|ago|sep|o[ck]t|nov|de[cz]|di[cz])[a-zäéû]{0,7}\\.?';
const VALUE = new RegExp(`^[\\s(]*[€$£¥]?\\s?[\\d.,](?:[\\d\\s.,:/%'’()€$£¥+-]|[ap]\\.?m\\.?|[TZE]|${MONTHS})*$`, 'i');
const MONTH_FIRST = new RegExp(`^\\s*${MONTHS}[\\s.-]*\\d[\\d\\s,./:-]*$`, 'i');
const TRUTH = /^\s*(?:true|false|wahr|falsch|vrai|faux|vero|falso|verdadero|verdadeiro|prawda|fałsz|waar|onwaar|sant|falskt)\s*$/i;
