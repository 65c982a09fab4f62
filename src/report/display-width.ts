/** Columns that a line takes on a terminal: two for East Asian wide characters and emoji, none for combining ones. No escape sequences. */
export function displayWidth(line: string): number {
  let width = 0;
  for (const character of line) width += characterWidth(character);
  return width;
}

/** The line, cut to so many columns; `…` stands where something was cut. */
export function fitToWidth(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line;
  let fitting = '';
  let width = 0;
  for (const character of line) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    fitting += character;
  }
  return columns > 0 ? `${fitting}…` : '';
}

const EMOJI_SELECTOR = 0xfe0f;
const ZERO_WIDTH = /^[\p{M}\p{Cc}\p{Cf}]$/u;

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return 1;
  // Makes a wide emoji of the narrow character before it; counted too often where that was wide already.
  if (code === EMOJI_SELECTOR) return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return isWide(code) ? 2 : 1;
}

/** Blocks of Unicode's EastAsianWidth.txt that are wide or full-width, coarsely: too wide a guess only cuts a line early. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f000 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd) ||
    /\p{Emoji_Presentation}/u.test(String.fromCodePoint(code))
  );
}
