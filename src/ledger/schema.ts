import { UserError } from '../errors.js';
import type { Database } from './database.js';

/** Marks a SQLite file as a ledger of ours (`PRAGMA application_id`): "MEMI". */
const APPLICATION_ID = 0x4d454d49;

/** Each entry takes the ledger from the version of its position to the next one. They are never changed once released. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

  CREATE TABLE run (
    run_number INTEGER PRIMARY KEY,
    run_id     TEXT NOT NULL UNIQUE,
    record     TEXT NOT NULL            -- JSON
  ) STRICT;

  -- One line for each note that was ever claimed, appended: the key is sequential, so writing costs the same at any size.
  -- No name, no text: fingerprint and hashes only.
  CREATE TABLE note (
    note_key    INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    contact_id  TEXT NOT NULL,
    sub_org     TEXT,
    sent_hash   BLOB NOT NULL,
    input_hash  BLOB,
    state       TEXT NOT NULL,
    run_number  INTEGER NOT NULL,
    row         TEXT NOT NULL,
    claimed_at  INTEGER NOT NULL,       -- epoch ms: its first request left after this
    claim_skew  INTEGER,                -- ms that the server's clock was ahead of ours then, where it was known
    doubted     INTEGER NOT NULL DEFAULT 0, -- a request lost its answer since claimed_at
    since       INTEGER,                -- epoch ms of that loss, while it is in doubt
    settled_at  INTEGER,
    memory_id   TEXT,
    created_at  TEXT,
    how         TEXT,
    class       TEXT,
    status      INTEGER,
    message     TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    closing     INTEGER NOT NULL DEFAULT 0  -- a closing look is due
  ) STRICT;

  CREATE INDEX note_open ON note (note_key) WHERE state IN ('claimed', 'sending', 'in_doubt') OR closing = 1;

  -- Filled in sorted batches up to the key in meta 'indexed_up_to'; what is later stands in memory and is found again at opening.
  -- The first 52 bits of the fingerprint: a collision costs one more read, since the note itself decides.
  CREATE TABLE note_by_fingerprint (prefix INTEGER NOT NULL, note_key INTEGER NOT NULL, PRIMARY KEY (prefix, note_key)) STRICT, WITHOUT ROWID;
  CREATE TABLE note_by_contact (contact_hash INTEGER NOT NULL, note_key INTEGER NOT NULL, PRIMARY KEY (contact_hash, note_key)) STRICT, WITHOUT ROWID;

  -- The filter's segments, true up to a key.
  CREATE TABLE filter_segment (
    position INTEGER PRIMARY KEY,
    capacity INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    bits     BLOB NOT NULL
  ) STRICT;

  CREATE TABLE failure (
    failure_number INTEGER PRIMARY KEY,
    run_number     INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    row            INTEGER NOT NULL,
    class          TEXT NOT NULL,
    status         INTEGER,
    message        TEXT NOT NULL,
    attempts       INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX failure_by_run ON failure (run_number, failure_number);
  `,
  // Records that name several contacts, and contacts by phone number.
  `
  ALTER TABLE failure ADD COLUMN target INTEGER NOT NULL DEFAULT 0;

  -- Contacts that notes name by phone number: note.contact_id is the address, and lists are asked for by the contact's own id.
  CREATE TABLE learnt_contact (address TEXT PRIMARY KEY, contact_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX learnt_contact_by_id ON learnt_contact (contact_id);
  `,
  // The index in two levels: new entries wait in a small table, and go from there to the large one in the order of their hashes.
  `
  CREATE TABLE recent_by_fingerprint (prefix INTEGER NOT NULL, note_key INTEGER NOT NULL, PRIMARY KEY (prefix, note_key)) STRICT, WITHOUT ROWID;
  CREATE TABLE recent_by_contact (contact_hash INTEGER NOT NULL, note_key INTEGER NOT NULL, PRIMARY KEY (contact_hash, note_key)) STRICT, WITHOUT ROWID;
  CREATE VIEW indexed_by_fingerprint AS SELECT prefix, note_key FROM recent_by_fingerprint UNION ALL SELECT prefix, note_key FROM note_by_fingerprint;
  CREATE VIEW indexed_by_contact AS SELECT contact_hash, note_key FROM recent_by_contact UNION ALL SELECT contact_hash, note_key FROM note_by_contact;
  `,
];

/**
 * Brings an opened database to the version of this program.
 * @throws UserError where it isn't a ledger, or comes from a newer version
 */
export function migrate(database: Database, path: string): void {
  const version = checkVersion(database, path);
  if (version === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/**
 * For whoever only reads a ledger of an earlier version: what that version doesn't have yet stands in for it, empty, and in this connection
 * only.
 */
export function standIn(database: Database, version: number): void {
  if (version > 0 && version < WITH_LEVELS) database.exec(STAND_INS);
}

const WITH_LEVELS = 3;
const STAND_INS = `
  CREATE TEMP TABLE recent_by_fingerprint (prefix INTEGER, note_key INTEGER);
  CREATE TEMP TABLE recent_by_contact (contact_hash INTEGER, note_key INTEGER);
  CREATE TEMP VIEW indexed_by_fingerprint AS SELECT prefix, note_key FROM note_by_fingerprint;
  CREATE TEMP VIEW indexed_by_contact AS SELECT contact_hash, note_key FROM note_by_contact;`;

/** The ledger's version; 0 for an empty file. Throws as `migrate` does. */
export function checkVersion(database: Database, path: string): number {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  // Opening a new file in WAL mode writes its first page already: what counts is whether somebody's tables are in it.
  const isEmpty = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables === 0;
  if (!isEmpty && application !== APPLICATION_ID) {
    throw new UserError(
      `${path} is a SQLite database, but not a ledger of memory-import. Nothing was sent. Name another file with --ledger.`,
    );
  }
  if (version > MIGRATIONS.length) {
    throw new UserError(
      `The ledger ${path} was written by a newer memory-import (ledger version ${version}, this program knows ${MIGRATIONS.length}). Nothing was sent. Use that version.`,
    );
  }
  return version;
}

function pragma(database: Database, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Number(Object.values(row ?? {})[0] ?? 0);
}
