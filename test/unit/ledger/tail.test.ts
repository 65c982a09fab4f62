import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTail, prefixOf } from '../../../src/ledger/tail.js';
import type { Fingerprint, NoteKey } from '../../../src/model.js';

/** Few prefixes and few endings, so that many fingerprints share the one or the other. */
const fingerprintOf = (prefix: number, ending: number) =>
  `${(prefix * 7_777_777_777).toString(16).padStart(13, '0')}${'e'.repeat(50)}${ending.toString(16)}` as Fingerprint;

test('the tail finds what a map would, and sorts it, whatever its hashes have in common', () => {
  const note = fc.record({ prefix: fc.nat(30), ending: fc.nat(15), contact: fc.oneof(fc.nat(5), fc.nat(2 ** 52 - 1)) });
  const notes = fc.uniqueArray(note, { maxLength: 300, selector: ({ prefix, ending }) => fingerprintOf(prefix, ending) });
  fc.assert(
    fc.property(notes, fc.nat(2 ** 40), (all, firstKey) => {
      const tail = createTail();
      const added = all.map(({ prefix, ending, contact }, i) => {
        const fingerprint = fingerprintOf(prefix, ending);
        const key = (firstKey + i + 1) as NoteKey; // any positive integer is one
        expect(tail.find(fingerprint)).toBeNull();
        tail.add(fingerprint, contact, key);
        return { fingerprint, contact, key };
      });
      expect(tail.size).toBe(added.length);
      for (const { fingerprint, contact, key } of added) {
        expect(tail.find(fingerprint)).toBe(key);
        const ofContact = added.filter((other) => other.contact === contact).map((other) => other.key);
        expect([...tail.keysOfContact(contact)].sort()).toEqual(ofContact.sort());
      }
      expect(tail.keysOfContact(2 ** 52)).toEqual([]);

      const sorted = tail.sorted();
      const middle = Math.floor(added.length / 3);
      const byHash = (pairs: (readonly [number, number])[]) => pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect([...sorted.byFingerprint(0, middle), ...sorted.byFingerprint(middle, sorted.size)]).toEqual(
        byHash(added.map(({ fingerprint, key }) => [prefixOf(fingerprint), key])),
      );
      expect([...sorted.byContact(0, middle), ...sorted.byContact(middle, sorted.size)]).toEqual(
        byHash(added.map(({ contact, key }) => [contact, key])),
      );
    }),
  );
});

test('the tail grows as long as notes come', () => {
  const tail = createTail();
  const name = (n: number) => fingerprintOf(n, n % 16);
  for (let n = 1; n <= 20_000; n++) tail.add(name(n), n % 700, n as NoteKey); // any positive integer is one
  for (let n = 1; n <= 20_000; n += 7) expect(tail.find(name(n))).toBe(n);
  expect(tail.find(name(20_001))).toBeNull();
  expect(tail.keysOfContact(5)).toHaveLength(29);
});
