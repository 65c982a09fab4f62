import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFirstSeen } from '../../../src/ledger/first-seen.js';
import type { NoteKey } from '../../../src/model.js';

test('of each note the first row is remembered, as a map would', () => {
  // Keys around the ends of its pages, and far apart.
  const key = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 4090, max: 4100 }), fc.integer({ min: 1, max: 2 ** 33 }));
  // Near each other, on both sides of what two bytes hold, and as large as they may be.
  const ordinal = fc.oneof(
    fc.integer({ min: 1, max: 50 }),
    ...[2 ** 15, 2 ** 16, 100_000].map((near) => fc.integer({ min: near - 3, max: near + 3 })),
    fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, ordinal), { maxLength: 200 }), (met) => {
      const seen = createFirstSeen();
      const expected = new Map<number, number>();
      for (const [one, row] of met) {
        const note = one as NoteKey; // any positive integer is one
        const before = expected.get(one) ?? null;
        expect(seen.has(note)).toBe(before !== null);
        expect(seen.meet(note, row)).toBe(before);
        if (before === null) expected.set(one, row);
      }
    }),
  );
});
