import type { Fingerprint, NoteKey } from '../model.js';
import { contactKnowledge } from './contact-knowledge.js';
import type { Database } from './database.js';
import { LEVEL_SIZES, openIndexLevels } from './index-levels.js';
import type { ContactKnowledge } from './ledger.js';
import { readMark, writeMark } from './marks.js';
import { fullSegments, loadFilter, saveFilter } from './saved-filter.js';
import { createTail, prefixOf, type SortedTail, type Tail } from './tail.js';

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
   * Moves a slice of what is to be moved on disk, once the tail is long enough: to be called in a transaction. The mark up to where the index
   * reaches is moved with the last slice. @returns what is to be called after the commit, and not without it
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

/** Of a shorter tail fewer entries would share a page. After a crash twice as many notes are read at most: some tenths of a second. */
const TAIL_LENGTH = 1 << 14;
/** So many entries of each index are moved to the disk at once: the run waits some milliseconds for it. */
const TAIL_SLICE = 1024;
/** After a crash at most so many notes, and a tail, are read to make the filter whole. */
const FILTER_LAG = 1 << 18;

const TAIL_NOTES = 'SELECT note_key, fingerprint, contact_id FROM note WHERE note_key > ? ORDER BY note_key';
const BY_PREFIX = `SELECT note.note_key, note.fingerprint FROM indexed_by_fingerprint JOIN note USING (note_key) WHERE prefix = ?`;
const MEMORY = 'note.note_key, state, memory_id, sub_org, sent_hash, settled_at, created_at';
const IS_MEMORY = `contact_id = ?2 AND (memory_id IS NOT NULL OR state = 'created')`;
const INDEXED_OF_CONTACT = `SELECT ${MEMORY} FROM indexed_by_contact JOIN note USING (note_key) WHERE contact_hash = ?1 AND note_key <= ?3 AND ${IS_MEMORY}`;
// By the keys that the tail has of the contact: reading the tail through takes milliseconds.
const CONTACT_MEMORIES = `${INDEXED_OF_CONTACT} UNION ALL SELECT ${MEMORY} FROM json_each(?4) JOIN note ON note_key = value WHERE ${IS_MEMORY}`;
// Of somebody who only reads: its own tail is as old as its opening.
const CONTACT_MEMORIES_TO_READ = `${CONTACT_MEMORIES} UNION ALL SELECT ${MEMORY} FROM note WHERE note_key > ?5 AND ${IS_MEMORY}`;
// Largest first, by notes of any state: no contact below can have more memories than notes.
const INDEXED_CONTACTS = `
  SELECT contact_hash, sum(some) AS notes FROM (
    SELECT contact_hash, count(*) AS some FROM recent_by_contact GROUP BY contact_hash UNION ALL
    SELECT contact_hash, count(*) AS some FROM note_by_contact GROUP BY contact_hash)
  GROUP BY contact_hash ORDER BY notes DESC`;
const TAIL_MEMORIES = `
  SELECT contact_id, sub_org, count(*) AS memories FROM note WHERE note_key > ? AND state = 'created' GROUP BY contact_id, sub_org`;
const INDEXED_MEMORIES = `
  SELECT contact_id, sub_org, count(*) AS memories FROM indexed_by_contact JOIN note USING (note_key)
  WHERE contact_hash = ? AND note_key <= ? AND state = 'created' GROUP BY contact_id, sub_org`;

/**
 * @param options.isOnlyWriter false: opened to read, while others may write
 * @param options.tailLength so many notes make the tail long enough to be indexed; default: 16,384
 */
export function createNoteIndex(
  database: Database,
  { isOnlyWriter, tailLength }: { readonly isOnlyWriter: boolean; readonly tailLength: number | undefined },
): NoteIndex {
  const sql = {
    byPrefix: database.prepare(BY_PREFIX),
    contact: database.prepare(isOnlyWriter ? CONTACT_MEMORIES : CONTACT_MEMORIES_TO_READ),
  };
  const { filter, ...opened } = load(database);
  const loadedUpTo = opened.lastKey;
  let { tail, indexedUpTo, lastKey, savedSegments, filterUpTo } = opened;
  const sizes = tailLength === undefined ? LEVEL_SIZES : { recent: Math.floor(tailLength / 2), slice: 1 };
  const longest = tailLength ?? TAIL_LENGTH;
  const tailSlice = tailLength === undefined ? TAIL_SLICE : Math.ceil(tailLength / 3);
  const onDisk = isOnlyWriter ? openIndexLevels(database, sizes) : null;
  let moving: Move | null = null;
  /** No entry on disk lies above the mark: one that went on to the large level would come again from the tail after a crash. */
  let isUpToMark = tail.size === 0;
  let arrived = 0;

  const beginMove = (length: number): void => {
    if (moving !== null || tail.size < length) return;
    moving = { tail, sorted: tail.sorted(), upTo: lastKey, done: 0 };
    tail = createTail();
  };

  /** In a transaction. @returns what is to be called after the commit, and not without it */
  const moveSlice = (move: Move, length: number): (() => void) => {
    // The mark without the entries would make the tail's notes unknown.
    if (onDisk === null) throw new Error('a ledger that was opened to read has nothing to index');
    const { sorted, upTo } = move;
    const done = Math.min(sorted.size, move.done + length);
    const added = onDisk.add(sorted.byFingerprint(move.done, done), sorted.byContact(move.done, done));
    const isWhole = done === sorted.size;
    if (isWhole) writeMark(database, 'indexed_up_to', upTo);
    return () => {
      added();
      moving = isWhole ? null : { ...move, done };
      if (!isWhole) return;
      // Only after the commit: until then the tail is the only way to these notes.
      indexedUpTo = upTo;
      isUpToMark = true;
    };
  };

  const saveWholeFilter = (): void => {
    inTransaction(database, 'BEGIN IMMEDIATE', () => saveFilter({ database, filter, upTo: lastKey, savedSegments }));
    savedSegments = fullSegments(filter);
    filterUpTo = lastKey;
  };

  const findInMemory = (fingerprint: Fingerprint): NoteKey | null | 'on_disk' => {
    if (!filter.mayHave(fingerprint)) return null;
    return tail.find(fingerprint) ?? moving?.tail.find(fingerprint) ?? 'on_disk';
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
      tail.add(fingerprint, contactHash(contactId), key);
      lastKey = Math.max(lastKey, key);
      arrived++;
    },
    settle() {
      const sinceLast = arrived;
      beginMove(longest);
      const length = Math.max(tailSlice, 2 * sinceLast);
      const isLast = moving === null ? isUpToMark : moving.done + length >= moving.sorted.size;
      const moved = moving === null ? null : moveSlice(moving, length);
      const merged = isLast ? onDisk?.merge(sinceLast) : null;
      return () => {
        arrived -= sinceLast;
        moved?.();
        merged?.();
      };
    },
    contact(contactId, subOrg) {
      const hash = contactHash(contactId);
      const inMemory = [...tail.keysOfContact(hash), ...(moving?.tail.keysOfContact(hash) ?? [])];
      const asked = [hash, contactId, indexedUpTo, JSON.stringify(inMemory)] as const;
      return contactKnowledge(isOnlyWriter ? sql.contact.iterate(...asked) : sql.contact.iterate(...asked, loadedUpTo), subOrg);
    },
    largestContact: () => findLargest(database, indexedUpTo),
    saveFilterIfDue() {
      if (lastKey - filterUpTo >= FILTER_LAG) saveWholeFilter();
    },
    save() {
      for (beginMove(1); moving !== null; beginMove(1)) {
        const move: Move = moving;
        inTransaction(database, 'BEGIN IMMEDIATE', () => moveSlice(move, move.sorted.size))();
      }
      saveWholeFilter();
    },
  };
}

/** A tail on its way to the disk: until all of it is there, and the mark with it, its notes are found in memory. */
interface Move {
  readonly tail: Tail;
  readonly sorted: SortedTail;
  /** The mark then. */
  readonly upTo: number;
  readonly done: number;
}

/** All of one moment: a reader mustn't see an old filter with the mark of a newer one. */
function load(database: Database) {
  return inTransaction(database, 'BEGIN', () => {
    const indexedUpTo = readMark(database, 'indexed_up_to');
    let lastKey = indexedUpTo;
    const tail = createTail();
    for (const row of database.prepare(TAIL_NOTES).iterate(indexedUpTo)) {
      const key = row.note_key as NoteKey;
      tail.add(hex(row.fingerprint), contactHash(String(row.contact_id)), key);
      lastKey = key;
    }
    return { indexedUpTo, lastKey, tail, ...loadFilter(database) };
  });
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
