import type { FieldProblem } from './schema.js';

// What people and CRMs put between the digits of a number, or around it: blanks of every kind, hyphens, dots, slashes, brackets, and the
// invisible marks that come along when a number is copied from a phone.
const BETWEEN = /[\s\p{Pd}\p{Default_Ignorable_Code_Point}\u200e\u200f\u202a-\u202e.()[\]/\u00b7\u2212]+/gu;
const PHONE_NUMBER = /^\+?\d{5,15}$/;

/** The number without what is only there to be read: `tel:+49 (30) 1234-56` is `+4930123456`. What is no number comes back as it is, trimmed. */
export function cleanPhoneNumber(cell: string): string {
  const trimmed = cell.normalize('NFKC').trim();
  // `+49 (0)30 …` is two ways of dialling in one: dropping the zero, or keeping it, would be a guess.
  if (/^\+[^(]*\(0\)/.test(trimmed)) return trimmed;
  const digits = trimmed.replace(/^tel:/i, '').replace(BETWEEN, '');
  return PHONE_NUMBER.test(digits) ? digits : trimmed;
}

/** What is wrong with a number that was cleaned; null: nothing. */
export function phoneNumberProblem(number: string): FieldProblem | null {
  if (PHONE_NUMBER.test(number)) return null;
  const digits = number.replace(/\D/g, '').length;
  return { field: 'phoneNumber', rule: 'phone_number', measure: digits, message: reasonOf(number, digits) };
}

function reasonOf(number: string, digits: number): string {
  if (number === '') return 'empty';
  const expected = '5 to 15 digits expected, with or without a + before them';
  if (/^\d[.,]\d+E\+\d+$/i.test(number)) return `${expected}; found one in scientific notation, whose last digits a spreadsheet has lost`;
  if (/\(0\)/.test(number)) return `${expected}; found (0), which is dialled from one side only: leave it out`;
  const odd = /[^\d+]/.exec(number.replace(BETWEEN, ''))?.[0];
  if (odd !== undefined)
    return `${expected}; found U+${(odd.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')} in it, and ${digits} digits`;
  return `${expected}; found ${digits}`;
}
