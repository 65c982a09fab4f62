import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFirstSeen } from '../../../src/ledger/first-seen.js';
import type { NoteKey } from '../../../src/model.js';

test('of each note the first row is remembered, as a map would', () => {
  // Keys around the ends of its pages, and far apart.
  const key = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 4090, max: 4100 }), fc.integer({ min: 1, max: 2 ** 33 }));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
      const seen = createFirstSeen();
      const expected = new Map<number, number>();
      for (const [position, one] of keys.entries()) {
        const note = one as NoteKey; // any positive integer is one
        const before = expected.get(one) ?? null;
        expect(seen.has(note)).toBe(before !== null);
        expect(seen.meet(note, position + 1)).toBe(before);
        if (before === null) expected.set(one, position + 1);
      }
    }),
  );
});
