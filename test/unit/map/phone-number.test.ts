import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanPhoneNumber, phoneNumberProblem } from '../../../src/map/phone-number.js';

describe('a phone number', () => {
  it.each([
    ['+49301234567', '+49301234567'],
    [' +49 (30) 1234-567 ', '+49301234567'],
    ['tel:+49.30.1234567', '+49301234567'],
    ['+49\u00a030\u202f123 45‑67', '+49301234567'],
    ['\u202a+49 30 1234567\u202c', '+49301234567'],
    ['＋４９３０１２３４５６７', '+49301234567'],
    ['030/123 45 67', '0301234567'],
    ['[1] 555 010 0199', '15550100199'],
  ])('%j is %s', (cell, number) => {
    expect(cleanPhoneNumber(cell)).toBe(number);
    expect(phoneNumberProblem(number)).toBeNull();
  });

  it.each([
    ['', 'empty'],
    ['1234', 'found 4'],
    ['1234567890123456', 'found 16'],
    ['+49 (0)30 1234567', 'leave it out'],
    ['4.93E+10', 'scientific notation'],
    ['030 1234 ext. 5', 'found U+0065'],
    ['++4930123456', 'found 10'],
    ['n/a', 'found U+006E'],
  ])('%j is none: …%s', (cell, reason) => {
    const problem = phoneNumberProblem(cleanPhoneNumber(cell));
    expect(problem).toMatchObject({ field: 'phoneNumber', rule: 'phone_number' });
    expect(problem?.message).toContain(reason);
  });

  it('is cleaned once and for all, whatever stands in the cell', () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom(...'+0123456789 -().(0)/') }));
    fc.assert(
      fc.property(cell, (text) => {
        const once = cleanPhoneNumber(text);
        expect(cleanPhoneNumber(once)).toBe(once);
        if (phoneNumberProblem(once) === null) expect(once).toMatch(/^\+?\d{5,15}$/);
      }),
    );
  });
});
