import type { Fingerprint, NoteKey } from '../model.js';
import { contactKnowledge } from './contact-knowledge.js';
import type { Database } from './database.js';
import type { ContactKnowledge } from './ledger.js';
import { readMark, writeMark } from './marks.js';
import { fullSegments, loadFilter, saveFilter } from './saved-filter.js';

/**
 * Where a note stands, asked in this order: a filter in memory ("surely unknown"), the tail in memory (appended, not indexed yet), the
 * index on disk. Rows are appended first and indexed later in sorted batches, because a random key on the hot path would triple its
 * cost. A crash between the two is harmless: whatever lies above `indexed_up_to` is read into the tail at opening.
 */
export interface NoteIndex {
  find(fingerprint: Fingerprint): NoteKey | null;
  /** The same without looking on disk: `on_disk` where only that can tell. */
  findInMemory(fingerprint: Fingerprint): NoteKey | null | 'on_disk';
  /** After the note's commit, never before. */
  add(fingerprint: Fingerprint, note: NewNote): void;
  /**
   * Moves the tail to the disk once it is long enough: to be called in a transaction, whose commit makes it durable together with the mark
   * up to where it reaches. @returns what is to be called after the commit, and not without it
   */
  settle(): () => void;
  contact(contactId: string, subOrg: string | null): ContactKnowledge;
  largestContact(): { contactId: string; subOrg: string | null; memories: number } | null;
  /** After a crash no more than so much is to be read again to make it whole. Outside of a transaction. */
  saveFilterIfDue(): void;
  /** Moves the tail and saves the filter, so that the next opening needn't read every note. */
  save(): void;
}

/** What is to be known of a note that was appended. */
export interface NewNote {
  readonly key: NoteKey;
  readonly contactId: string;
}

/** Of a large index each key is a page of its own: what is moved at once holds the run up for so long. */
const TAIL_LENGTH = { small: 2048, large: 256 };
/** With more notes the index is larger than what SQLite keeps in memory of it. */
const LARGE_LEDGER = 200_000;
/** After a crash at most so many notes, and a tail, are read to make the filter whole. */
const FILTER_LAG = 1 << 18;

const TAIL_NOTES = 'SELECT note_key, fingerprint, contact_id FROM note WHERE note_key > ? ORDER BY note_key';
const BY_PREFIX = `SELECT note.note_key, note.fingerprint FROM note_by_fingerprint JOIN note USING (note_key) WHERE prefix = ?`;
const INDEX_FINGERPRINT = 'INSERT OR IGNORE INTO note_by_fingerprint (prefix, note_key) VALUES';
const INDEX_CONTACT = 'INSERT OR IGNORE INTO note_by_contact (contact_hash, note_key) VALUES';
/** Pairs of one statement: half the time of statements with a pair each. */
const PAIRS = 64;
const MEMORY = 'note.note_key, state, memory_id, sub_org, sent_hash, settled_at, created_at';
const IS_MEMORY = `contact_id = ?2 AND (memory_id IS NOT NULL OR state = 'created')`;
const INDEXED_OF_CONTACT = `SELECT ${MEMORY} FROM note_by_contact JOIN note USING (note_key) WHERE contact_hash = ?1 AND note_key <= ?3 AND ${IS_MEMORY}`;
// Of somebody who only reads: its own tail is as old as its opening.
const CONTACT_MEMORIES = `${INDEXED_OF_CONTACT} UNION ALL SELECT ${MEMORY} FROM note WHERE note_key > ?3 AND ${IS_MEMORY}`;
// By the keys that the tail has of the contact: reading the tail through takes a millisecond.
const CONTACT_MEMORIES_BY_KEY = `${INDEXED_OF_CONTACT} UNION ALL SELECT ${MEMORY} FROM json_each(?4) JOIN note ON note_key = value WHERE ${IS_MEMORY}`;
// Largest first, by notes of any state: no contact below can have more memories than notes.
const INDEXED_CONTACTS = 'SELECT contact_hash, count(*) AS notes FROM note_by_contact GROUP BY contact_hash ORDER BY notes DESC';
const TAIL_MEMORIES = `
  SELECT contact_id, sub_org, count(*) AS memories FROM note WHERE note_key > ? AND state = 'created' GROUP BY contact_id, sub_org`;
const INDEXED_MEMORIES = `
  SELECT contact_id, sub_org, count(*) AS memories FROM note_by_contact JOIN note USING (note_key)
  WHERE contact_hash = ? AND note_key <= ? AND state = 'created' GROUP BY contact_id, sub_org`;

/**
 * @param options.isOnlyWriter false: opened to read, while others may write
 * @param options.tailLength so many notes make the tail long enough to be indexed; default: by the ledger's size
 */
export function createNoteIndex(
  database: Database,
  { isOnlyWriter, tailLength }: { readonly isOnlyWriter: boolean; readonly tailLength: number | undefined },
): NoteIndex {
  const sql = {
    byPrefix: database.prepare(BY_PREFIX),
    contact: database.prepare(isOnlyWriter ? CONTACT_MEMORIES_BY_KEY : CONTACT_MEMORIES),
  };
  const { filter, tail, tailOfContact, ...opened } = load(database);
  let { indexedUpTo, lastKey, savedSegments, filterUpTo } = opened;

  const moveTail = (): (() => void) => {
    if (tail.size === 0) return () => {};
    const byFingerprint = Array.from(tail, ([fingerprint, key]) => [prefixOf(fingerprint), key] as const).sort(byFirst);
    const byContact = Array.from(tailOfContact, ([hash, keys]) => keys.map((key) => [hash, key] as const))
      .flat()
      .sort(byFirst);
    const upTo = lastKey;
    insertPairs(database, INDEX_FINGERPRINT, byFingerprint);
    insertPairs(database, INDEX_CONTACT, byContact);
    writeMark(database, 'indexed_up_to', upTo);
    return () => {
      // Only after the commit: until then the tail is the only way to these notes.
      indexedUpTo = upTo;
      tail.clear();
      tailOfContact.clear();
    };
  };

  const saveWholeFilter = (): void => {
    inTransaction(database, 'BEGIN IMMEDIATE', () => saveFilter({ database, filter, upTo: lastKey, savedSegments }));
    savedSegments = fullSegments(filter);
    filterUpTo = lastKey;
  };

  const findInMemory = (fingerprint: Fingerprint): NoteKey | null | 'on_disk' => {
    if (!filter.mayHave(fingerprint)) return null;
    return tail.get(fingerprint) ?? 'on_disk';
  };

  return {
    findInMemory,
    find(fingerprint) {
      const found = findInMemory(fingerprint);
      if (found !== 'on_disk') return found;
      for (const row of sql.byPrefix.all(prefixOf(fingerprint))) {
        if (hex(row.fingerprint) === fingerprint) return row.note_key as NoteKey;
      }
      return null;
    },
    add(fingerprint, { key, contactId }) {
      filter.add(fingerprint);
      tail.set(fingerprint, key);
      addKey(tailOfContact, contactId, key);
      lastKey = Math.max(lastKey, key);
    },
    settle() {
      const long = tailLength ?? (lastKey > LARGE_LEDGER ? TAIL_LENGTH.large : TAIL_LENGTH.small);
      return tail.size >= long ? moveTail() : () => {};
    },
    contact(contactId, subOrg) {
      const hash = contactHash(contactId);
      const ofIndex = [hash, contactId, indexedUpTo] as const;
      const rows = isOnlyWriter
        ? sql.contact.iterate(...ofIndex, JSON.stringify(tailOfContact.get(hash) ?? []))
        : sql.contact.iterate(...ofIndex);
      return contactKnowledge(rows, subOrg);
    },
    largestContact: () => findLargest(database, indexedUpTo),
    saveFilterIfDue() {
      if (lastKey - filterUpTo >= FILTER_LAG) saveWholeFilter();
    },
    save() {
      inTransaction(database, 'BEGIN IMMEDIATE', moveTail)();
      saveWholeFilter();
    },
  };
}

function insertPairs(database: Database, into: string, pairs: readonly (readonly [number, number])[]): void {
  for (let from = 0; from < pairs.length; from += PAIRS) {
    const some = pairs.slice(from, from + PAIRS);
    if (some.length === PAIRS) database.prepare(`${into} ${ALL_PAIRS}`).run(...some.flat());
    else for (const pair of some) database.prepare(`${into} (?, ?)`).run(...pair);
  }
}

const ALL_PAIRS = Array(PAIRS).fill('(?, ?)').join(', ');

/** All of one moment: a reader mustn't see an old filter with the mark of a newer one. */
function load(database: Database) {
  return inTransaction(database, 'BEGIN', () => {
    const indexedUpTo = readMark(database, 'indexed_up_to');
    let lastKey = indexedUpTo;
    const tail = new Map<Fingerprint, NoteKey>();
    const tailOfContact = new Map<number, NoteKey[]>();
    for (const row of database.prepare(TAIL_NOTES).iterate(indexedUpTo)) {
      const key = row.note_key as NoteKey;
      tail.set(hex(row.fingerprint), key);
      addKey(tailOfContact, String(row.contact_id), key);
      lastKey = key;
    }
    return { indexedUpTo, lastKey, tail, tailOfContact, ...loadFilter(database) };
  });
}

function addKey(tailOfContact: Map<number, NoteKey[]>, contactId: string, key: NoteKey): void {
  const hash = contactHash(contactId);
  const keys = tailOfContact.get(hash);
  if (keys === undefined) tailOfContact.set(hash, [key]);
  else keys.push(key);
}

type ContactSize = NonNullable<ReturnType<NoteIndex['largestContact']>>;

/** Counts only as many contacts as can be the largest. */
function findLargest(database: Database, indexedUpTo: number): ContactSize | null {
  const inIndex = database.prepare(INDEXED_MEMORIES);
  let largest: ContactSize | null = null;
  const offer = (row: Record<string, unknown>, more: number): void => {
    const memories = Number(row.memories) + more;
    if (memories <= (largest?.memories ?? 0)) return;
    largest = { contactId: String(row.contact_id), subOrg: row.sub_org === null ? null : String(row.sub_org), memories };
  };

  // Every contact with a note in the tail is counted whole, so that for the others the index alone is the truth.
  for (const row of database.prepare(TAIL_MEMORIES).all(indexedUpTo)) {
    const indexed = inIndex.all(contactHash(String(row.contact_id)), indexedUpTo);
    const same = indexed.find(({ contact_id, sub_org }) => contact_id === row.contact_id && sub_org === row.sub_org);
    offer(row, Number(same?.memories ?? 0));
  }
  for (const { contact_hash, notes } of database.prepare(INDEXED_CONTACTS).iterate()) {
    if (Number(notes) <= sizeOf(largest)) break;
    for (const row of inIndex.all(contact_hash, indexedUpTo)) offer(row, 0);
  }
  return largest;
}

function sizeOf(contact: ContactSize | null): number {
  return contact?.memories ?? 0;
}

export function inTransaction<T>(database: Database, begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
  database.exec(begin);
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } finally {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

function hex(value: unknown): Fingerprint {
  return Buffer.from(value as Uint8Array).toString('hex') as Fingerprint; // written from a Fingerprint
}

function byFirst(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** 52 bits: an exact integer, and an integer in SQLite. */
export function prefixOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(0, 13), 16);
}

/** 52 bits of a contact id, by two FNV-1a hashes. Only a way to find rows: the id itself decides. */
export function contactHash(contactId: string): number {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < contactId.length; i++) {
    const unit = contactId.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x01000193) ^ (b >>> 15);
  }
  return (a >>> 0) * 0x100000 + ((b >>> 0) & 0xfffff);
}
