import type { Database } from './database.js';
import { createFilter } from './filter.js';
import { contactHash } from './note-index.js';
import { saveFilter } from './saved-filter.js';
import { prefixOf } from './tail.js';

/** Index and filter from the notes alone, in the caller's transaction. Sorted on disk: memory doesn't grow with the ledger. */
export function buildIndex(database: Database): void {
  database.define('fingerprint_prefix', (fingerprint) => prefixOf(Buffer.from(fingerprint as Uint8Array).toString('hex'))); // the column's BLOB
  database.define('contact_hash_of', (contactId) => contactHash(String(contactId)));
  database.exec(BUILD_INDEXES);
  const { notes, last } = database.prepare(EXTENT).get() ?? {};
  // One segment for all: the fewer, the fewer unknown notes are looked for on disk.
  const capacity = Math.max(SMALLEST_CAPACITY, Number(notes));
  const filter = createFilter([{ capacity, bits: new Uint8Array(Math.ceil((capacity * BITS_PER_NOTE) / 8)), count: 0 }]);
  for (const row of database.prepare(FINGERPRINTS).iterate()) filter.add(Buffer.from(row.fingerprint as Uint8Array).toString('hex'));
  saveFilter({ database, filter, upTo: Number(last ?? 0), savedSegments: 0 });
}

const SMALLEST_CAPACITY = 1 << 16;
const BITS_PER_NOTE = 10;

const BUILD_INDEXES = `
  DELETE FROM recent_by_fingerprint;
  DELETE FROM recent_by_contact;
  DELETE FROM note_by_fingerprint;
  INSERT INTO note_by_fingerprint SELECT fingerprint_prefix(fingerprint), note_key FROM note ORDER BY 1, 2;
  DELETE FROM note_by_contact;
  INSERT INTO note_by_contact SELECT contact_hash_of(contact_id), note_key FROM note ORDER BY 1, 2;
  INSERT INTO meta (name, value) VALUES ('indexed_up_to', coalesce((SELECT max(note_key) FROM note), 0))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  DELETE FROM filter_segment`;
const EXTENT = 'SELECT count(*) AS notes, max(note_key) AS last FROM note';
const FINGERPRINTS = 'SELECT fingerprint FROM note';
