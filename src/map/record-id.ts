/**
 * An id as it is compared: of a Salesforce id of 18 characters the first 15, which are the same record. The last three say which letters
 * before them are capitals, so an id of 18 characters that isn't Salesforce's stays as it is.
 */
export function recordIdOf(id: string): string {
  return id.length === 18 && ALPHANUMERIC.test(id) && checksumOf(id) === id.slice(15) ? id.slice(0, 15) : id;
}

const ALPHANUMERIC = /^[A-Za-z0-9]+$/;
/** Of the last three characters: each holds five bits. */
export const CHECKSUM_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';

/** Each of three groups of five characters is a digit: bit i is set where character i is a capital. */
function checksumOf(id: string): string {
  let checksum = '';
  for (let group = 0; group < 15; group += 5) {
    let bits = 0;
    for (let i = 0; i < 5; i++) {
      const code = id.charCodeAt(group + i);
      if (code >= 0x41 && code <= 0x5a) bits |= 1 << i;
    }
    checksum += CHECKSUM_DIGITS[bits];
  }
  return checksum;
}
