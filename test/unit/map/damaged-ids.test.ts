import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isScientific, restoredCase } from '../../../src/map/damaged-ids.js';

/** An 18-character id for 15 characters, after Salesforce's description of its checksum. */
function longId(id: string): string {
  const bit = (at: number) => (/[A-Z]/.test(id.charAt(at)) ? 1 : 0);
  const suffix = [0, 5, 10].map((from) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'.charAt([0, 1, 2, 3, 4].reduce((sum, i) => sum + (bit(from + i) << i), 0)),
  );
  return id + suffix.join('');
}

test.each(['1.23457E+14', '1.23457e+14', '1,23457E+14', '5E+15', '-1.2E+20', '1.23456789012346E+016'])('%s was an id', (id) => {
  expect(isScientific(id)).toBe(true);
});

test.each(['1E5', '003E5', '123456789012345', 'C-1E+5', '1.5', '', 'E+14', '4e14b2f0', '12.3E+14'])('%s may be one', (id) => {
  expect(isScientific(id)).toBe(false);
});

describe('a Salesforce id of 18 characters', () => {
  const id = longId('003d000000TM2Ia');

  test('that lost the case of its letters is told as it was', () => {
    expect(id).toBe('003d000000TM2IaAAL');
    expect([restoredCase(id.toLowerCase()), restoredCase(id.toUpperCase())]).toEqual([id, id]);
  });

  test.each([
    id,
    longId('0015e00000AbCdE'),
    '000000000000000AAA',
    '003D000000123456',
    '003d000000tm2ia',
    'abcdefghijklmnopqr',
    '123456789012345678',
    '003d000000tm2iazzz',
    '',
  ])('%s is left alone', (other) => {
    expect(restoredCase(other)).toBeNull();
  });

  test('that is right is never taken for a damaged one', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcxyzABCXYZ'), minLength: 12, maxLength: 12 }), (rest) => {
        expect(restoredCase(longId(`003${rest}`))).toBeNull();
      }),
    );
  });
});
