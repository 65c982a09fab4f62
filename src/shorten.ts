/** At most `maxLength` UTF-16 units, an ellipsis where something was cut off; never ends in half a character. */
export function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 2);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxLength - 2 : maxLength - 1)}…`;
}
