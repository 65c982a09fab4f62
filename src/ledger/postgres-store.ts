import { LedgerError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { NoteKey, RunId } from '../model.js';
import { contactKnowledge } from './contact-knowledge.js';
import type { Ledger, LedgerBatch, RunRecord } from './ledger.js';
import { commitBatch } from './postgres-commit.js';
import { createdPage, createdTally } from './postgres-created.js';
import { ADVICE, inPostgresTransaction, type Line } from './postgres-line.js';
import { rememberAll } from './postgres-remember.js';
import { describePostgres, type PostgresRow, type Session, type Statement, toText } from './postgres-session.js';
import type { PostgresSharing } from './postgres-sharing.js';
import { toKnownNote, toOpenNote, toRecordedFailure, toRunNote } from './rows.js';

/** What is needed to write. */
export interface PostgresWriter {
  readonly line: Line;
  readonly owner: number;
  readonly runNumber: number;
  readonly sharing: PostgresSharing;
  /** Tells the others that this process is done. */
  readonly end: () => Promise<void>;
}

export interface PostgresStore {
  readonly address: LedgerAddress;
  /** For what is only read: it isn't held up by commits. */
  readonly reader: Line;
  /** null: opened to read. */
  readonly writer: PostgresWriter | null;
  readonly now: () => number;
  readonly wasEmpty: boolean;
  readonly hadCreated: boolean;
}

/** The ledger's verbs, in SQL. */
export function createPostgresStore({ address, reader, writer, now, wasEmpty, hadCreated }: PostgresStore): Ledger {
  let commits = 0;
  let closing: Promise<void> | null = null;
  const runNumber = writer?.runNumber ?? NOBODY;
  const owner = writer?.owner ?? NOBODY;

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      if (closing !== null) throw new LedgerError('The ledger is closed.');
      return await work();
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      throw new LedgerError(`The ledger ${address.ledger} failed: ${describePostgres(error, address)}.`, { cause: error, advice: ADVICE });
    }
  };
  const read = (statement: Statement, values: readonly unknown[]): Promise<readonly PostgresRow[]> =>
    guarded(() => reader.run((session) => session.query(statement, values)));
  const write = <T>(work: (session: Session, again: boolean, to: PostgresWriter) => Promise<T>): Promise<T> =>
    guarded(async () => {
      if (writer === null) throw new LedgerError('The ledger was opened to read.');
      return writer.line.run((session, again) => inPostgresTransaction(session, () => work(session, again, writer)));
    });
  const runNumberOf = async (runId: RunId): Promise<number> => Number((await read(RUN_NUMBER, [runId]))[0]?.run_number ?? NOBODY);

  const commit = async (batch: LedgerBatch) => {
    const number = ++commits;
    const held = writer?.sharing.held ?? new Set<NoteKey>();
    const { answers, takenOver } = await write((session, again) =>
      commitBatch(session, { batch, owner, runNumber, number, again, now: now(), held }),
    );
    writer?.sharing.committed(batch, answers);
    if (takenOver) writer?.sharing.lose();
    return answers;
  };

  return {
    wasEmpty,
    hadCreated,
    shared: writer?.sharing.shared ?? null,
    async lookup(fingerprints) {
      if (fingerprints.length === 0) return [];
      const found = await read(LOOKUP, [`{${fingerprints.map((fingerprint) => `"\\\\x${fingerprint}"`).join(',')}}`]);
      const notes = new Map(found.map((row) => [Buffer.from(row.fingerprint as Uint8Array).toString('hex'), toKnownNote(row)]));
      return fingerprints.map((fingerprint) => notes.get(fingerprint) ?? null);
    },
    commit,
    remember: (witnesses) => write((session) => rememberAll(session, witnesses, { runNumber, now: now() })),
    openNotes: async ({ after, limit }) => (await read(OPEN_NOTES, [runNumber, after ?? 0, limit, owner])).map(toOpenNote),
    closingNotes: async ({ after, limit }) => (await read(CLOSING_NOTES, [runNumber, after ?? 0, limit])).map(toOpenNote),
    async contact(contactId, subOrg) {
      const known = contactKnowledge(await read(CONTACT, [toText(contactId)]), subOrg);
      const others = (await read(OTHER_MEMORIES, [toText(contactId)])).map(({ memory_id }) => String(memory_id));
      return others.length === 0 ? known : { ...known, memoryIds: new Set([...known.memoryIds, ...others]) };
    },
    async contactOf(address) {
      const [row] = await read(CONTACT_OF, [toText(address)]);
      return row === undefined ? null : String(row.contact_id);
    },
    async largestContact() {
      const [row] = await read(LARGEST_CONTACT, []);
      if (row === undefined) return null;
      return {
        contactId: String(row.contact_id),
        subOrg: row.sub_org === null ? null : String(row.sub_org),
        memories: Number(row.memories),
      };
    },
    async saveRun({ page, ...record }) {
      const values = [record.runId, toText(JSON.stringify(record)), page === undefined ? null : toText(JSON.stringify(page))];
      await write((session) => session.query(SAVE_RUN, values));
    },
    runs: async () => (await read(RUNS, [])).map(({ record }) => toRunRecord(record, null)),
    async run(runId) {
      const [row] = await read(ONE_RUN, [runId]);
      return row === undefined ? null : toRunRecord(row.record, row.page);
    },
    async notesOfRun(runId, { after, limit }) {
      return (await read(NOTES_OF_RUN, [await runNumberOf(runId), after ?? 0, limit])).map(toRunNote);
    },
    async createdNotes(runId, page) {
      const number = await runNumberOf(runId);
      return guarded(() => reader.run((session) => createdPage(session, number, page)));
    },
    async createdTally(runId) {
      const number = await runNumberOf(runId);
      return guarded(() => reader.run((session) => createdTally(session, number)));
    },
    async beginUndo({ runId, from, to }) {
      await write((session) => session.query(BEGIN_UNDO, [runId, from, to, owner]));
    },
    async endUndo(runId, window) {
      await write((session) => session.query(END_UNDO, [runId, window?.from ?? null, window?.to ?? null]));
    },
    async openUndos() {
      const rows = writer === null ? await read(OPEN_UNDOS, [owner]) : await write((session) => session.query(TAKE_UNDOS, [owner]));
      return rows.map(({ run_id, from_key, to_key }) => ({ runId: run_id as RunId, from: from_key as NoteKey, to: to_key as NoteKey }));
    },
    async failuresOfRun(runId, { after, limit }) {
      return (await read(FAILURES_OF_RUN, [await runNumberOf(runId), after ?? 0, limit])).map(toRecordedFailure);
    },
    close() {
      closing ??= (async () => {
        try {
          await writer?.end();
        } finally {
          await Promise.all([reader.close(), writer?.line.close()]);
        }
      })();
      return closing;
    },
  };
}

/** No run and no owner has this number: to a reader every open note is an earlier run's. */
const NOBODY = -1;

const WITH_RUN = 'SELECT note.*, run.run_id FROM memory_import.note AS note JOIN memory_import.run AS run USING (run_number)';
const LOOKUP: Statement = { name: 'lookup', text: `${WITH_RUN} WHERE fingerprint = ANY ($1::bytea[])` };
// Closing looks of a run that goes on are its own to take; what somebody holds isn't open.
const OPEN_NOTES: Statement = {
  name: 'open_notes',
  text: `${WITH_RUN} WHERE (state = 'in_doubt' OR closing) AND run_number <> $1 AND note_key > $2
    AND (note.owner_number IS NULL OR note.owner_number = $4)
    AND (state = 'in_doubt' OR NOT EXISTS (SELECT 1 FROM memory_import.owner WHERE owner.owner_number = run.owner_number
      AND ended_at IS NULL AND taken_over_at IS NULL))
    ORDER BY note_key LIMIT $3`,
};
const CLOSING_NOTES: Statement = {
  name: 'closing_notes',
  text: `${WITH_RUN} WHERE closing AND run_number = $1 AND note_key > $2 ORDER BY note_key LIMIT $3`,
};
const CONTACT: Statement = {
  name: 'contact',
  text: `SELECT note_key, state, memory_id, sub_org, sent_hash, settled_at, created_at FROM memory_import.note
    WHERE contact_id = $1 AND (memory_id IS NOT NULL OR state = 'created')`,
};
// Of the notes that name the same contact in another way: by phone number, or by its id.
const OTHER_MEMORIES: Statement = {
  name: 'other_memories',
  text: `SELECT memory_id FROM memory_import.note WHERE memory_id IS NOT NULL AND contact_id IN (
    SELECT address FROM memory_import.learnt_contact WHERE contact_id = $1
    UNION ALL SELECT contact_id FROM memory_import.learnt_contact WHERE address = $1)`,
};
const CONTACT_OF: Statement = { name: 'contact_of', text: 'SELECT contact_id FROM memory_import.learnt_contact WHERE address = $1' };
const BEGIN_UNDO: Statement = {
  name: 'begin_undo',
  text: `INSERT INTO memory_import.undo_window (run_id, from_key, to_key, owner_number) VALUES ($1, $2, $3, $4)
    ON CONFLICT (run_id, from_key, to_key) DO UPDATE SET owner_number = excluded.owner_number`,
};
const END_UNDO: Statement = {
  name: 'end_undo',
  text: `DELETE FROM memory_import.undo_window WHERE run_id = $1 AND ($2::bigint IS NULL OR (from_key = $2 AND to_key = $3::bigint))`,
};
// Taken over, so that of several runs one looks for what was deleted.
const TAKE_UNDOS: Statement = {
  name: 'take_undos',
  text: `WITH taken AS (UPDATE memory_import.undo_window AS w SET owner_number = $1 WHERE owner_number = $1 OR NOT EXISTS (
      SELECT 1 FROM memory_import.owner WHERE owner.owner_number = w.owner_number AND ended_at IS NULL AND taken_over_at IS NULL)
      RETURNING run_id, from_key, to_key)
    SELECT * FROM taken ORDER BY run_id, from_key, to_key`,
};
// Those of an undo that goes on are its own to end.
const OPEN_UNDOS: Statement = {
  name: 'open_undos',
  text: `SELECT run_id, from_key, to_key FROM memory_import.undo_window AS w WHERE owner_number = $1 OR NOT EXISTS (
      SELECT 1 FROM memory_import.owner WHERE owner.owner_number = w.owner_number AND ended_at IS NULL AND taken_over_at IS NULL)
    ORDER BY run_id, from_key, to_key`,
};
const LARGEST_CONTACT: Statement = {
  name: 'largest_contact',
  text: `SELECT contact_id, sub_org, count(*) AS memories FROM memory_import.note WHERE state = 'created'
    GROUP BY contact_id, sub_org ORDER BY memories DESC LIMIT 1`,
};
const SAVE_RUN: Statement = {
  name: 'save_run',
  text: `INSERT INTO memory_import.run (run_id, owner_number, record, page) VALUES ($1, 0, $2, $3)
    ON CONFLICT (run_id) DO UPDATE SET record = excluded.record, page = excluded.page`,
};
const RUN_NUMBER: Statement = { name: 'run_number', text: 'SELECT run_number FROM memory_import.run WHERE run_id = $1' };
// Without what is large. By the time in their ids, since a rebuilt ledger learns of old runs late; within a second as they were met.
const RUNS: Statement = {
  name: 'runs',
  text: 'SELECT record FROM memory_import.run ORDER BY left(run_id, 16) COLLATE "C" DESC, run_number DESC',
};
const ONE_RUN: Statement = { name: 'one_run', text: 'SELECT record, page FROM memory_import.run WHERE run_id = $1' };
const NOTES_OF_RUN: Statement = {
  name: 'notes_of_run',
  text: `${WITH_RUN} WHERE run_number = $1 AND note_key > $2 ORDER BY note_key LIMIT $3`,
};
const FAILURES_OF_RUN: Statement = {
  name: 'failures_of_run',
  text: 'SELECT * FROM memory_import.failure WHERE run_number = $1 AND failure_number > $2 ORDER BY failure_number LIMIT $3',
};

function toRunRecord(record: unknown, page: unknown): RunRecord {
  const run = JSON.parse(String(record)) as RunRecord; // written by saveRun, and by nobody else
  return page === null ? run : { ...run, page: JSON.parse(String(page)) };
}
