/**
 * Finds UTF-8 that was read as windows-1252 or Latin-1: `Ã©` for `é`, `â€™` for `’`, `Ð¿Ñ€` for `пр`.
 *
 * Conservative, since each of these letters and signs is right somewhere: `MANHÃ…`, `Spaß“`, `30 Ä–Ö`. A pair of letter and sign counts where
 * no writing has it: behind a small letter, before the rest of a word, several of them in a row.
 *
 * @returns its position in UTF-16 units; -1: none
 */
export function findMojibake(text: string): number {
  // Nearly every text that isn't damaged ends here.
  if (!MAY_BE.test(text)) return -1;
  for (const { 0: run, index } of text.matchAll(RUNS)) {
    if (isDamage(run, text.slice(Math.max(0, index - 2), index), text.slice(index + run.length, index + run.length + 2))) return index;
  }
  return -1;
}

/** What the bytes 0x80 to 0xBF look like in windows-1252, and in Latin-1. */
const HIGH = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ\u0080-\u00bf';
const SEQUENCE = `(?:[\u00c2-\u00df][${HIGH}]|[\u00e0-\u00ef][${HIGH}]{2}|[\u00f0-\u00f4][${HIGH}]{3})`;
const MAY_BE = new RegExp(`[\u00c2-\u00f4][${HIGH}]`);
const RUNS = new RegExp(`${SEQUENCE}+`, 'g');
const SEQUENCES = new RegExp(SEQUENCE, 'g');

function isDamage(run: string, before: string, after: string): boolean {
  const sequences = (run.match(SEQUENCES) ?? []).filter(isUtf8);
  if (sequences.length > 1) return sequences.filter((sequence) => sequence.length > 2 || USUAL_LEAD.test(sequence)).length > 1;
  const [sequence = ''] = sequences;
  switch (sequence.length) {
    case 2:
      return isTwoBytes(sequence, before, after);
    case 3:
      return THREE_BYTES.test(sequence);
    case 4:
      // Emoji.
      return sequence.startsWith('ðŸ') || sequence.startsWith('ð\u009f');
    default:
      return false;
  }
}

/** Of pairs: Latin, Greek, Cyrillic, Hebrew, Arabic. `É…`, `Ö“` and the like would be letters of scripts that hardly anybody writes. */
const USUAL_LEAD = /^[\u00c2-\u00c5\u00ce-\u00d1\u00d7-\u00db]/;

/** Typographic signs, and the letters of a few blocks: what stands alone among Latin letters. */
const THREE_BYTES = /^(?:â[€\u0080].|â[‚\u0082]¬|â[„\u0084][¢–\u0096]|â[†˜œ\u0086\u0098\u009c].|ï»¿|ï¿½)$/u;

function isTwoBytes([lead = '', sign = '']: string, before: string, after: string): boolean {
  const isAfterSmall = /\p{Ll}$/u.test(before);
  const isAfterCapital = /\p{Lu}$/u.test(before);
  const isBeforeLetter = /^\p{L}/u.test(after);
  if (lead === 'Â') return sign >= '\u00a0' && sign <= '\u00bf' && !isAfterCapital;
  // Only letters of western and central Europe come alone: others stand in words of their own kind.
  if (lead !== 'Ã' && lead !== 'Ä' && lead !== 'Å') return false;
  if (isAfterSmall) return true;
  if (isAfterCapital) return lead === 'Ã' && (RARE.test(sign) || (isSmall(after) && LETTER_LIKE.test(sign)));
  if (lead === 'Ã' && (RARE.test(sign) || (sign === '\u00a0' && !isBeforeLetter))) return true;
  // `Å“uvre`: no quotation begins or ends within a word.
  if (lead === 'Å' && sign === '“') return isSmall(after);
  return isBeforeLetter && !(lead !== 'Ã' && DASH_OR_QUOTE.test(sign));
}

function isSmall(after: string): boolean {
  return /^\p{Ll}/u.test(after);
}

/** Signs that no word ends before. */
const RARE = /[ƒ†‡ˆ‰Š‹ŒŽ˜š›œžŸ\u0080-\u009f¡¢£¤¥¦¨©¬\u00ad¯±³´µ¶¸¼½¾¿]/;
/** `ª º ® ° ² ¹ · §`: they may stand behind a word, but no word goes on behind them. */
const LETTER_LIKE = /[ªº®°²¹·§]/;
const DASH_OR_QUOTE = /[…‘’“”•–—™«»\u00a0]/;

/** Without what UTF-8 doesn't allow: overlong forms, surrogates, beyond U+10FFFF. */
function isUtf8(sequence: string): boolean {
  const lead = sequence.charCodeAt(0);
  const second = byteOf(sequence.charAt(1));
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second < 0x90;
}

function byteOf(character: string): number {
  const code = character.charCodeAt(0);
  return code < 0x100 ? code : 0x80 + WINDOWS_1252.indexOf(character);
}

const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
