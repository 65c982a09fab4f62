import { expect, test } from 'vitest';
import { createFilter } from '../../../src/ledger/filter.js';
import { fingerprint } from '../../contract/ledger-store.js';

// Two full segments of 65,536 and 131,072 notes, and the beginning of a third.
const KNOWN = 220_000;
const known = Array.from({ length: KNOWN }, (_, n) => fingerprint(n));
const filter = createFilter();
for (const one of known) filter.add(one);

test('what was added is never called unknown, over all segments', () => {
  expect(filter.segments.map(({ capacity }) => capacity)).toEqual([65_536, 131_072, 262_144]);
  expect(known.every((one) => filter.mayHave(one))).toBe(true);
});

test('of what was never added less than 2 % is taken for known when a segment is full', () => {
  const full = createFilter();
  for (const one of known.slice(0, 65_536)) full.add(one);
  expect(full.segments).toHaveLength(1);
  let wrong = 0;
  for (let n = 0; n < 20_000; n++) if (full.mayHave(fingerprint(`strange ${n}`))) wrong++;
  expect(wrong).toBeLessThan(20_000 * 0.02);
  expect(wrong).toBeGreaterThan(0); // it is filled, not empty
});

test('saved and loaded it answers the same, and goes on growing where it was', () => {
  const loaded = createFilter(filter.segments.map((segment) => ({ ...segment, bits: Uint8Array.from(segment.bits) })));
  for (let n = 0; n < 5000; n++) {
    const one = fingerprint(`strange ${n}`);
    expect(loaded.mayHave(one)).toBe(filter.mayHave(one));
  }
  expect(known.every((one) => loaded.mayHave(one))).toBe(true);
  const late = fingerprint('late');
  loaded.add(late);
  expect(loaded.mayHave(late)).toBe(true);
  expect(loaded.segments.map(({ count }) => count)).toEqual([65_536, 131_072, KNOWN - 65_536 - 131_072 + 1]);
});

test('a new one knows nothing', () => {
  expect(createFilter().mayHave(known[0]!)).toBe(false);
});
