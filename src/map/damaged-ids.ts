import { CHECKSUM_DIGITS } from './record-id.js';

/** What a spreadsheet does to an id: `1.23457E+14` for `123456789012345`. */
export function isScientific(id: string): boolean {
  return id.length <= 24 && SCIENTIFIC.test(id);
}

// The sign must be there: `1E5` may be an id.
const SCIENTIFIC = /^[+-]?\d(?:[.,]\d+)?E\+\d{1,3}$/i;

/**
 * Tells an 18-character Salesforce id whose letters lost their case. Its last three characters say which of the others are capitals,
 * one bit for each, in fives (https://help.salesforce.com, article 000385008). Ids of 15 characters can't be judged.
 * @returns the id as it was, or null: it is no such id, or it is right
 */
export function restoredCase(id: string): string | null {
  // All standard objects that notes hang on begin with two zeros, or are cases and documents; other ids of 18 characters are none of our business.
  if (id.length !== 18 || !SALESFORCE.test(id)) return null;
  // Lost is the case where letters are all of one: a mixed id with a wrong checksum is somebody's typing error.
  if (id !== id.toLowerCase() && id !== id.toUpperCase()) return null;
  const body = id.slice(0, 15);
  const checksum = id.slice(15).toUpperCase();
  let restored = '';
  for (let i = 0; i < 15; i++) {
    const isCapital = ((CHECKSUM_DIGITS.indexOf(checksum.charAt(Math.floor(i / 5))) >> (i % 5)) & 1) === 1;
    const character = body.charAt(i);
    // A bit for a digit: this is no checksum.
    if (isCapital && !/[a-z]/i.test(character)) return null;
    restored += isCapital ? character.toUpperCase() : character.toLowerCase();
  }
  return restored === body && checksum === id.slice(15) ? null : restored + checksum;
}

const SALESFORCE = /^(?:00[0-9a-z]|069|500)[0-9a-z]{12}[a-z0-5]{3}$/i;
