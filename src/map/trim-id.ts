/** An id without the blanks around it, also those that can't be seen: no-break and zero-width spaces, byte order marks. Nobody means them. */
export function trimId(cell: string): string {
  return isBare(cell) ? cell : cell.replace(ENDS, '');
}

/** Whether more was around the id than the blanks that everybody sees. */
export function hasHiddenEnds(cell: string): boolean {
  return !isBare(cell) && HIDDEN_END.test(cell);
}

/** Almost every id begins and ends with a letter or a digit. */
function isBare(cell: string): boolean {
  return cell === '' || (isPlain(cell.charCodeAt(0)) && isPlain(cell.charCodeAt(cell.length - 1)));
}

function isPlain(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

const ENDS = /^[\s\p{Default_Ignorable_Code_Point}]+|[\s\p{Default_Ignorable_Code_Point}]+$/gu;
const HIDDEN_END =
  /^[ \t]*[\u00a0\u2007\u202f\p{Default_Ignorable_Code_Point}]|[\u00a0\u2007\u202f\p{Default_Ignorable_Code_Point}][ \t]*$/u;
