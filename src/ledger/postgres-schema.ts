import { UserError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import { CREATE_DISTRIBUTION } from './postgres-distribution.js';
import { inPostgresTransaction } from './postgres-line.js';
import { describePostgres, type Session, sqlStateOf } from './postgres-session.js';
import { CREATE_VIEWS } from './postgres-views.js';

/** "MEMI": the first half of each advisory lock's key, so that other programs in the same database are hardly met. */
export const LOCK_CLASS = 0x4d454d49;
/** Second halves that no owner has: owners have the numbers from 1. */
const MIGRATION_LOCK = 0;
export const OPENING_LOCK = -1;
/** Contacts are locked by hash, in a class of their own. */
export const CONTACT_LOCK_CLASS = LOCK_CLASS + 1;

/** Each entry takes the schema from the version of its position to the next one. They are never changed once released. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE memory_import.meta (name text PRIMARY KEY, value text NOT NULL);

  -- A process that writes, or wrote. Its row is locked by each of its commits, and by whoever takes over what it left.
  CREATE TABLE memory_import.owner (
    owner_number       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host               text NOT NULL,
    pid                integer NOT NULL,
    what               text NOT NULL,
    request_timeout_ms integer NOT NULL,
    started_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat          timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at           timestamptz,
    taken_over_at      timestamptz
  ) WITH (fillfactor = 50);
  CREATE INDEX owner_alive ON memory_import.owner (owner_number) WHERE ended_at IS NULL AND taken_over_at IS NULL;

  CREATE TABLE memory_import.run (
    run_number   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       text NOT NULL UNIQUE,
    owner_number integer NOT NULL,        -- 0: a rebuilt one
    record       text NOT NULL,           -- JSON
    page         text                     -- JSON: what its report.html shows
  );

  CREATE SEQUENCE memory_import.note_key;

  -- One row for each note that was ever claimed. No name, no text: fingerprint and hashes only.
  CREATE TABLE memory_import.note (
    note_key        bigint PRIMARY KEY,
    fingerprint     bytea NOT NULL UNIQUE,
    contact_id      text COLLATE "C" NOT NULL,
    sub_org         text COLLATE "C",
    sent_hash       bytea NOT NULL,
    input_hash      bytea,
    state           text COLLATE "C" NOT NULL,
    owner_number    integer,              -- who works on it now; nobody else may work on any note of its contact
    claim_batch     integer,              -- which of the owner's commits claimed it
    run_number      integer NOT NULL,
    row             text NOT NULL,
    claimed_at      bigint NOT NULL,      -- epoch ms: its first request left after this
    claim_skew      bigint,               -- ms that the server's clock was ahead of the claimer's then, where it was known
    doubted         boolean NOT NULL DEFAULT false, -- a request lost its answer since claimed_at
    since           bigint,               -- epoch ms of that loss, while it is in doubt
    settled_at      bigint,
    memory_id       text,
    created_at      text,
    how             text,
    class           text,
    status          integer,
    message         text,
    attempts        integer NOT NULL DEFAULT 0,
    closing         boolean NOT NULL DEFAULT false, -- a closing look is due
    late_memory_id  text,                 -- of an answer that came when the note had been taken over
    late_created_at text
  ) WITH (fillfactor = 85);
  CREATE INDEX note_open ON memory_import.note (note_key) WHERE state = 'in_doubt' OR closing;
  CREATE INDEX note_held ON memory_import.note (contact_id) WHERE owner_number IS NOT NULL;
  CREATE INDEX note_by_contact ON memory_import.note (contact_id);
  CREATE INDEX note_by_run ON memory_import.note (run_number, note_key);

  CREATE TABLE memory_import.failure (
    failure_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_number     integer NOT NULL,
    batch          integer NOT NULL,      -- which of the run's commits recorded it
    input          integer NOT NULL,
    row            integer NOT NULL,
    target         integer NOT NULL,
    class          text NOT NULL,
    status         integer,
    message        text NOT NULL,
    attempts       integer NOT NULL
  );
  CREATE INDEX failure_by_run ON memory_import.failure (run_number, failure_number);

  -- Contacts that notes name by phone number: note.contact_id is the address, and lists are asked for by the contact's own id.
  CREATE TABLE memory_import.learnt_contact (address text COLLATE "C" PRIMARY KEY, contact_id text COLLATE "C" NOT NULL);
  CREATE INDEX learnt_contact_by_id ON memory_import.learnt_contact (contact_id);

  -- Notes that an undo was about to delete.
  CREATE TABLE memory_import.undo_window (
    run_id       text COLLATE "C" NOT NULL,
    from_key     bigint NOT NULL,
    to_key       bigint NOT NULL,
    owner_number integer NOT NULL,
    PRIMARY KEY (run_id, from_key, to_key)
  );
  `,
  CREATE_VIEWS,
  CREATE_DISTRIBUTION,
];

// Not by to_regclass: what a session has once found missing it believes to be missing for the rest of its transaction.
const SCHEMA_EXISTS = `SELECT has_schema_privilege(oid, 'USAGE') AS usable FROM pg_namespace WHERE nspname = 'memory_import'`;
const META_EXISTS = `SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'memory_import' AND relname = 'meta'`;
const READ_VERSION = `SELECT value::integer AS version FROM memory_import.meta WHERE name = 'version'`;
const WRITE_VERSION = `INSERT INTO memory_import.meta (name, value) VALUES ('version', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

/** The version of the ledger in this database; 0 where there is none. @throws UserError where it is newer than this program, or closed to us */
export async function schemaVersion(session: Session, address: LedgerAddress): Promise<number> {
  const [schema] = await session.query(SCHEMA_EXISTS);
  if (schema === undefined) return 0;
  if (schema.usable !== true) {
    throw new UserError(
      `The ledger ${address.ledger} can't be read: this role has no USAGE on the schema memory_import. Nothing was sent. The README names what a role needs ("Several machines").`,
    );
  }
  const [meta] = await session.query(META_EXISTS);
  if (meta === undefined) return 0;
  const [row] = await session.query(READ_VERSION);
  const version = Number(row?.version ?? 0);
  if (version > MIGRATIONS.length) {
    throw new UserError(
      `The ledger ${address.ledger} was written by a newer memory-import (ledger version ${version}, this program knows ${MIGRATIONS.length}). Nothing was sent. Use that version.`,
    );
  }
  return version;
}

/**
 * Brings the database to the version of this program: one process does it, the others wait for it. Where nothing is to do, no privilege is
 * needed.
 */
export async function migratePostgres(session: Session, address: LedgerAddress): Promise<void> {
  if ((await schemaVersion(session, address)) === MIGRATIONS.length) return;
  try {
    await inPostgresTransaction(session, async () => {
      await session.query('SELECT pg_advisory_xact_lock($1, $2)', [LOCK_CLASS, MIGRATION_LOCK]);
      const version = await schemaVersion(session, address);
      if (version === MIGRATIONS.length) return;
      const [schema] = await session.query(SCHEMA_EXISTS);
      // Made beforehand, it asks for no privilege on the database.
      if (schema === undefined) await session.query('CREATE SCHEMA memory_import');
      for (const migration of MIGRATIONS.slice(version)) await session.query(migration);
      await session.query(WRITE_VERSION, [String(MIGRATIONS.length)]);
    });
  } catch (error) {
    if (sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    const advice =
      'Let a role with CREATE on the database start the first import, or make the schema for this role beforehand: CREATE SCHEMA memory_import AUTHORIZATION <role>.';
    throw new UserError(
      `The ledger's tables can't be made in ${address.ledger}: ${describePostgres(error, address)}. Nothing was sent. ${advice}`,
      {
        cause: error,
      },
    );
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
