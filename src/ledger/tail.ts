import type { Fingerprint, NoteKey } from '../model.js';
import type { Pair } from './index-levels.js';

/** Notes that were appended and aren't indexed on disk yet, in memory: some 100 bytes a note, of which nothing is an object. */
export interface Tail {
  readonly size: number;
  add(fingerprint: Fingerprint, contactHash: number, key: NoteKey): void;
  find(fingerprint: Fingerprint): NoteKey | null;
  /** Of contacts whose id has this hash. */
  keysOfContact(contactHash: number): readonly NoteKey[];
  /** To be asked for when nothing more is added. */
  sorted(): SortedTail;
}

/** What the index on disk is to have of the notes, a slice at a time: the order is the hashes'. */
export interface SortedTail {
  readonly size: number;
  byFingerprint(from: number, to: number): readonly Pair[];
  byContact(from: number, to: number): readonly Pair[];
}

const FIRST_CAPACITY = 1 << 10;
const FINGERPRINT_BYTES = 32;

/** 52 bits: an exact integer, and an integer in SQLite. */
export function prefixOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(0, 13), 16);
}

export function createTail(): Tail {
  let columns = newColumns(FIRST_CAPACITY);
  let size = 0;

  /** The one that has the contact's newest note, or the empty one where it belongs. */
  const slotOfContact = (contactHash: number): number => {
    const { contacts, newestOfContact } = columns;
    let slot = contactHash % newestOfContact.length;
    while (newestOfContact[slot] !== 0 && contacts[newestOfContact[slot]! - 1] !== contactHash) slot = (slot + 1) % newestOfContact.length;
    return slot;
  };

  const place = (note: number): void => {
    const { prefixes, contacts, byPrefix, newestOfContact, before } = columns;
    let slot = prefixes[note]! % byPrefix.length;
    while (byPrefix[slot] !== 0) slot = (slot + 1) % byPrefix.length;
    byPrefix[slot] = note + 1;
    const ofContact = slotOfContact(contacts[note]!);
    before[note] = newestOfContact[ofContact]!;
    newestOfContact[ofContact] = note + 1;
  };

  const grow = (): void => {
    const { prefixes, contacts, keys, fingerprints } = columns;
    columns = newColumns(size * 2);
    columns.prefixes.set(prefixes);
    columns.contacts.set(contacts);
    columns.keys.set(keys);
    columns.fingerprints.set(fingerprints);
    for (let note = 0; note < size; note++) place(note);
  };

  const sortedBy = (hashes: Float64Array) => {
    const notes = Uint32Array.from({ length: size }, (_, note) => note).sort((a, b) => hashes[a]! - hashes[b]! || a - b);
    return (from: number, to: number) => Array.from(notes.subarray(from, to), (note): Pair => [hashes[note]!, columns.keys[note]!]);
  };

  return {
    get size() {
      return size;
    },
    add(fingerprint, contactHash, key) {
      if (size === columns.keys.length) grow();
      columns.prefixes[size] = prefixOf(fingerprint);
      columns.contacts[size] = contactHash;
      columns.keys[size] = key;
      columns.fingerprints.write(fingerprint, size * FINGERPRINT_BYTES, 'hex');
      place(size);
      size++;
    },
    find(fingerprint) {
      const { prefixes, keys, byPrefix, fingerprints } = columns;
      const prefix = prefixOf(fingerprint);
      for (let slot = prefix % byPrefix.length; byPrefix[slot] !== 0; slot = (slot + 1) % byPrefix.length) {
        const note = byPrefix[slot]! - 1;
        const from = note * FINGERPRINT_BYTES;
        if (prefixes[note] === prefix && fingerprints.toString('hex', from, from + FINGERPRINT_BYTES) === fingerprint)
          return keys[note] as NoteKey; // put there by `add`
      }
      return null;
    },
    keysOfContact(contactHash) {
      const { keys, newestOfContact, before } = columns;
      const found: NoteKey[] = [];
      for (let note = newestOfContact[slotOfContact(contactHash)]!; note !== 0; note = before[note - 1]!)
        found.push(keys[note - 1] as NoteKey); // put there by `add`
      return found;
    },
    sorted: () => ({ size, byFingerprint: sortedBy(columns.prefixes), byContact: sortedBy(columns.contacts) }),
  };
}

/** What is known of the notes, each by its number, and where they are found. */
function newColumns(capacity: number) {
  // Half of the slots stay empty, which is 0: others have a note's number plus 1. An odd count has all bits of a hash decide.
  const slots = capacity * 2 + 1;
  return {
    prefixes: new Float64Array(capacity),
    contacts: new Float64Array(capacity),
    keys: new Float64Array(capacity),
    fingerprints: Buffer.alloc(capacity * FINGERPRINT_BYTES),
    byPrefix: new Uint32Array(slots),
    newestOfContact: new Uint32Array(slots),
    /** Of the same contact, the note before, as in a slot. */
    before: new Uint32Array(capacity),
  };
}
