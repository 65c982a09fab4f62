import type { Fingerprint, NoteKey } from '../model.js';
import type { Database } from './database.js';
import { createFilter, type Filter } from './filter.js';
import type { ContactKnowledge } from './ledger.js';

/**
 * Where a note stands, asked in this order: a filter in memory ("surely unknown"), the tail in memory (appended, not indexed yet), the
 * index on disk. Rows are appended first and indexed later in sorted batches, because a random key on the hot path would triple its
 * cost. A crash between the two is harmless: whatever lies above `indexed_up_to` is read into the tail at opening.
 */
export interface NoteIndex {
  find(fingerprint: Fingerprint): NoteKey | null;
  /** After the note's commit, never before. */
  add(fingerprint: Fingerprint, key: NoteKey): void;
  /** Moves the tail to the disk once it is long enough. Durable together with the mark up to where it reaches. */
  settle(): void;
  contact(contactId: string, subOrg: string | null): ContactKnowledge;
  largestContact(): { contactId: string; subOrg: string | null; memories: number } | null;
  /** Saves the filter, so that the next opening needn't read every note. */
  save(): void;
}

const TAIL_LENGTH = 8192;

const READ_MARK = 'SELECT value FROM meta WHERE name = ?';
const WRITE_MARK = 'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
const NOTES_ABOVE = 'SELECT note_key, fingerprint FROM note WHERE note_key > ? ORDER BY note_key';
const TAIL_ROWS = 'SELECT note_key, fingerprint, contact_id FROM note WHERE note_key > ? ORDER BY note_key';
const BY_PREFIX = `SELECT note.note_key, note.fingerprint FROM note_by_fingerprint JOIN note USING (note_key) WHERE prefix = ?`;
const INDEX_FINGERPRINT = 'INSERT OR IGNORE INTO note_by_fingerprint (prefix, note_key) VALUES (?, ?)';
const INDEX_CONTACT = 'INSERT OR IGNORE INTO note_by_contact (contact_hash, note_key) VALUES (?, ?)';
const CONTACT_NOTES = `
  SELECT state, memory_id, sub_org, settled_at, note.note_key FROM note_by_contact JOIN note USING (note_key)
    WHERE contact_hash = ?1 AND contact_id = ?2
  UNION ALL
  SELECT state, memory_id, sub_org, settled_at, note_key FROM note WHERE note_key > ?3 AND contact_id = ?2
  ORDER BY settled_at, 5`;
const LARGEST = `
  SELECT contact_id, sub_org, count(*) AS memories
  FROM (SELECT contact_hash FROM note_by_contact GROUP BY contact_hash ORDER BY count(*) DESC LIMIT 5)
  JOIN note_by_contact USING (contact_hash) JOIN note USING (note_key)
  WHERE state = 'created' GROUP BY contact_id, sub_org ORDER BY memories DESC LIMIT 1`;
const SAVED_SEGMENTS = 'SELECT capacity, count, bits FROM filter_segment ORDER BY position';
const SAVE_SEGMENT = `INSERT INTO filter_segment (position, capacity, count, bits) VALUES (?, ?, ?, ?)
  ON CONFLICT (position) DO UPDATE SET count = excluded.count, bits = excluded.bits`;

export function createNoteIndex(database: Database): NoteIndex {
  const sql = {
    byPrefix: database.prepare(BY_PREFIX),
    contact: database.prepare(CONTACT_NOTES),
  };
  let indexedUpTo = mark(database, 'indexed_up_to');
  let lastKey = indexedUpTo;
  const filter = loadFilter(database);
  const tail = new Map<Fingerprint, NoteKey>();
  for (const row of database.prepare(NOTES_ABOVE).iterate(indexedUpTo)) {
    const key = row.note_key as NoteKey;
    tail.set(hex(row.fingerprint), key);
    lastKey = Math.max(lastKey, key);
  }

  const moveTail = (): void => {
    if (tail.size === 0) return;
    const rows = database.prepare(TAIL_ROWS).all(indexedUpTo);
    const byFingerprint = rows.map((row) => [prefixOf(hex(row.fingerprint)), Number(row.note_key)] as const).sort(byFirst);
    const byContact = rows.map((row) => [contactHash(String(row.contact_id)), Number(row.note_key)] as const).sort(byFirst);
    const mark = Number(rows.at(-1)?.note_key ?? indexedUpTo);
    inTransaction(database, () => {
      const fingerprint = database.prepare(INDEX_FINGERPRINT);
      const contact = database.prepare(INDEX_CONTACT);
      for (const [prefix, key] of byFingerprint) fingerprint.run(prefix, key);
      for (const [hash, key] of byContact) contact.run(hash, key);
      database.prepare(WRITE_MARK).run('indexed_up_to', mark);
    });
    // Only after the commit: until then the tail is the only way to these notes.
    indexedUpTo = mark;
    tail.clear();
  };

  return {
    find(fingerprint) {
      if (!filter.mayHave(fingerprint)) return null;
      const recent = tail.get(fingerprint);
      if (recent !== undefined) return recent;
      for (const row of sql.byPrefix.all(prefixOf(fingerprint))) {
        if (hex(row.fingerprint) === fingerprint) return row.note_key as NoteKey;
      }
      return null;
    },
    add(fingerprint, key) {
      filter.add(fingerprint);
      tail.set(fingerprint, key);
      lastKey = Math.max(lastKey, key);
    },
    settle() {
      if (tail.size >= TAIL_LENGTH) moveTail();
    },
    contact(contactId, subOrg) {
      const memoryIds = new Set<string>();
      let newest: string | null = null;
      for (const row of sql.contact.all(contactHash(contactId), contactId, indexedUpTo)) {
        if (row.memory_id === null) continue;
        memoryIds.add(String(row.memory_id));
        if (row.state === 'created' && row.sub_org === subOrg) newest = String(row.memory_id);
      }
      return { memoryIds, newest };
    },
    largestContact() {
      moveTail();
      const row = database.prepare(LARGEST).get();
      if (row === undefined) return null;
      return {
        contactId: String(row.contact_id),
        subOrg: row.sub_org === null ? null : String(row.sub_org),
        memories: Number(row.memories),
      };
    },
    save() {
      moveTail();
      inTransaction(database, () => saveFilter(database, filter, lastKey));
    },
  };
}

/** The saved filter is true up to a key; what came later is added from the notes themselves. */
function loadFilter(database: Database): Filter {
  const filter = createFilter(
    database
      .prepare(SAVED_SEGMENTS)
      .all()
      .map((row) => ({ capacity: Number(row.capacity), count: Number(row.count), bits: new Uint8Array(row.bits as Uint8Array) })),
  );
  for (const row of database.prepare(NOTES_ABOVE).iterate(mark(database, 'filter_up_to'))) filter.add(hex(row.fingerprint));
  return filter;
}

function saveFilter(database: Database, filter: Filter, upTo: number): void {
  const saved = Number(database.prepare('SELECT count(*) AS n FROM filter_segment WHERE count >= capacity').get()?.n ?? 0);
  const statement = database.prepare(SAVE_SEGMENT);
  // Full segments never change: they are written once.
  filter.segments.forEach((segment, position) => {
    if (position >= saved) statement.run(position, segment.capacity, segment.count, segment.bits);
  });
  database.prepare(WRITE_MARK).run('filter_up_to', upTo);
}

function inTransaction(database: Database, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } finally {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

function mark(database: Database, name: string): number {
  return Number(database.prepare(READ_MARK).get(name)?.value ?? 0);
}

function hex(value: unknown): Fingerprint {
  return Buffer.from(value as Uint8Array).toString('hex') as Fingerprint; // written from a Fingerprint
}

function byFirst(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** 52 bits: an exact integer, and an integer in SQLite. */
function prefixOf(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(0, 13), 16);
}

/** 52 bits of a contact id, by two FNV-1a hashes. Only a way to find rows: the id itself decides. */
function contactHash(contactId: string): number {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < contactId.length; i++) {
    const unit = contactId.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x01000193) ^ (b >>> 15);
  }
  return (a >>> 0) * 0x100000 + ((b >>> 0) & 0xfffff);
}
