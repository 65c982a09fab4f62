import { LedgerError } from '../errors.js';
import type { Fingerprint, NoteKey } from '../model.js';
import type { Claim, ClaimAnswer, LearntContact, LedgerBatch, NoteState, Transition } from './ledger.js';
import { CONTACT_LOCK_CLASS } from './postgres-schema.js';
import { type PostgresRow, type Session, type Statement, toText } from './postgres-session.js';
import { toKnownNote } from './rows.js';

/** What a commit writes, and on whose behalf. */
export interface Commit {
  readonly batch: LedgerBatch;
  readonly owner: number;
  readonly runNumber: number;
  /** Counts the owner's commits. */
  readonly number: number;
  /** It may have been committed already, the answer being lost. */
  readonly again: boolean;
  readonly now: number;
  /** Notes that this owner works on. */
  readonly held: ReadonlySet<NoteKey>;
}

export interface Committed {
  readonly answers: readonly ClaimAnswer[];
  /** The owner was taken for dead: nothing was claimed, and of the steps only what is certain was noted. */
  readonly takenOver: boolean;
}

/** One commit, inside a transaction. @throws LedgerError where a step can't be made durable */
export async function commitBatch(session: Session, commit: Commit): Promise<Committed> {
  const { batch, owner, number, again, runNumber } = commit;
  const contacts = [...new Set(batch.claims.map(({ contactId }) => contactId))];
  const takenOver = !(await fence(session, owner, contacts));
  for (const [round, steps] of inRounds(batch.transitions).entries()) {
    await applySteps(session, commit, { steps, isHeld: (key) => takenOver || (round === 0 && commit.held.has(key)) });
  }
  const answers = await claimAll(session, commit, takenOver);
  if (batch.contacts !== undefined && batch.contacts.length > 0) await session.query(LEARN, [learntRows(batch.contacts)]);
  if (batch.failures.length > 0) {
    if (again) await session.query(FORGET_FAILURES, [runNumber, number]);
    const failures = batch.failures.map((failure, position) => ({ ...failure, message: toText(failure.message), position }));
    await session.query(RECORD_FAILURES, [JSON.stringify(failures), runNumber, number]);
  }
  return { answers, takenOver };
}

// Locked until the commit, so that whoever takes over waits for it. The contacts' locks make what follows see what others have just
// claimed of them; in order, so that no two wait for one another.
const FENCE: Statement = {
  name: 'fence',
  text: `WITH alive AS MATERIALIZED (
      SELECT 1 FROM memory_import.owner WHERE owner_number = $1 AND taken_over_at IS NULL AND ended_at IS NULL FOR KEY SHARE),
    locked AS MATERIALIZED (
      SELECT pg_advisory_xact_lock(${CONTACT_LOCK_CLASS}, hash) FROM (
        SELECT DISTINCT hashtext(contact) AS hash FROM json_array_elements_text($2::json) AS contact ORDER BY 1) AS sorted)
    SELECT (SELECT count(*) FROM alive) AS alive, (SELECT count(*) FROM locked) AS locked`,
};

/** False where the owner was taken over. */
export async function fence(session: Session, owner: number, contacts: readonly string[]): Promise<boolean> {
  const [row] = await session.query(FENCE, [owner, JSON.stringify(contacts.map((contact) => toText(contact)))]);
  return row?.alive === 1;
}

/** Steps of the same note happen one after the other: the second of each in a second statement, and so on. */
function inRounds(transitions: readonly Transition[]): readonly (readonly Transition[])[] {
  const rounds: Transition[][] = [];
  const seen = new Map<NoteKey, number>();
  for (const step of transitions) {
    const round = seen.get(step.key) ?? 0;
    seen.set(step.key, round + 1);
    const steps = rounds[round];
    if (steps === undefined) rounds.push([step]);
    else steps.push(step);
  }
  return rounds;
}

const STEP_COLUMNS = `note_key bigint, held boolean, step text, memory_id text, created_at text, how text, attempts integer, closing boolean,
  class text, status integer, message text, doubted boolean, since bigint`;

// A step of a note that this owner works on, or that nobody does. Of what another one has taken over nothing is changed by it.
const APPLY_STEPS: Statement = {
  name: 'apply_steps',
  text: `UPDATE memory_import.note AS n SET
      state = CASE s.step WHEN 'closed' THEN n.state ELSE s.step END,
      owner_number = CASE WHEN s.step IN ('closed', 'undone') THEN n.owner_number END,
      memory_id = CASE s.step WHEN 'created' THEN s.memory_id ELSE n.memory_id END,
      created_at = CASE s.step WHEN 'created' THEN s.created_at ELSE n.created_at END,
      how = CASE s.step WHEN 'created' THEN s.how ELSE n.how END,
      attempts = n.attempts + coalesce(s.attempts, 0),
      closing = CASE s.step WHEN 'created' THEN s.closing OR coalesce(n.late_memory_id <> s.memory_id, false)
        WHEN 'closed' THEN false WHEN 'undone' THEN false ELSE n.closing END,
      settled_at = CASE WHEN s.step IN ('released', 'closed') THEN n.settled_at ELSE $2::bigint END,
      run_number = CASE s.step WHEN 'created' THEN $3 ELSE n.run_number END,
      since = CASE s.step WHEN 'in_doubt' THEN s.since WHEN 'closed' THEN n.since WHEN 'undone' THEN n.since END,
      doubted = CASE s.step WHEN 'created' THEN false WHEN 'in_doubt' THEN true ELSE n.doubted OR coalesce(s.doubted, false) END,
      class = CASE s.step WHEN 'created' THEN NULL WHEN 'failed' THEN s.class ELSE n.class END,
      status = CASE s.step WHEN 'created' THEN NULL WHEN 'failed' THEN s.status ELSE n.status END,
      message = CASE WHEN s.step = 'created' THEN NULL WHEN s.step IN ('failed', 'in_doubt') THEN s.message ELSE n.message END
    FROM json_to_recordset($1::json) AS s (${STEP_COLUMNS})
    WHERE n.note_key = s.note_key AND CASE s.step
      WHEN 'closed' THEN true
      WHEN 'undone' THEN n.state = 'created'
      ELSE n.owner_number = $4 OR (NOT s.held AND n.owner_number IS NULL AND n.state = 'in_doubt') END
    RETURNING n.note_key`,
};
// An answer that came late: it is there, whatever others have made of it since …
const SETTLE_LATE: Statement = {
  name: 'settle_late',
  text: `UPDATE memory_import.note AS n SET state = 'created', memory_id = s.memory_id, created_at = s.created_at, how = s.how,
      attempts = n.attempts + s.attempts, closing = true, settled_at = $2::bigint, run_number = $3,
      since = NULL, doubted = false, class = NULL, status = NULL, message = NULL
    FROM json_to_recordset($1::json) AS s (${STEP_COLUMNS})
    WHERE n.note_key = s.note_key AND s.step = 'created' AND s.memory_id IS NOT NULL
      AND n.owner_number IS NULL AND n.state IN ('in_doubt', 'released', 'failed')`,
};
// … and who works on it now reads this before sending it again.
const NOTE_LATE: Statement = {
  name: 'note_late',
  text: `UPDATE memory_import.note AS n SET late_memory_id = s.memory_id, late_created_at = s.created_at
    FROM json_to_recordset($1::json) AS s (${STEP_COLUMNS})
    WHERE n.note_key = s.note_key AND s.step = 'created' AND s.memory_id IS NOT NULL AND n.memory_id IS DISTINCT FROM s.memory_id`,
};
const EXISTING: Statement = {
  name: 'existing',
  text: 'SELECT note_key FROM memory_import.note WHERE note_key = ANY ($1::bigint[])',
};

interface Round {
  readonly steps: readonly Transition[];
  /** After the first step of a note it isn't held any more. Of one that was taken over nothing counts but what it holds, which is nothing. */
  readonly isHeld: (key: NoteKey) => boolean;
}

async function applySteps(session: Session, commit: Commit, { steps, isHeld }: Round): Promise<void> {
  const rows = new Map(steps.map((step) => [step.key, stepRow(step, isHeld(step.key))]));
  const values = [commit.now, commit.runNumber];
  const applied = await session.query(APPLY_STEPS, [JSON.stringify([...rows.values()]), ...values, commit.owner]);
  if (applied.length === steps.length) return;
  for (const { note_key } of applied) rows.delete(note_key as NoteKey);
  await session.query(SETTLE_LATE, [JSON.stringify([...rows.values()]), ...values]);
  await session.query(NOTE_LATE, [JSON.stringify([...rows.values()])]);
  // A step of a note that isn't there can't be made durable, and mustn't be called so; one that was overtaken by another owner's is no error.
  const existing = new Set((await session.query(EXISTING, [[...rows.keys()]])).map(({ note_key }) => note_key));
  for (const { note_key, step } of rows.values()) {
    if (!existing.has(note_key)) throw missingNote(note_key);
    if (step === 'undone' && !commit.again) throw missingNote(note_key);
  }
}

function stepRow(step: Transition, held: boolean) {
  const { key, to, ...said } = step;
  const row = { note_key: key, held, step: to };
  switch (step.to) {
    case 'created':
      return {
        ...row,
        memory_id: toText(step.memoryId),
        created_at: toText(step.createdAt),
        how: step.how,
        attempts: step.attempts,
        closing: step.closingLook,
      };
    case 'failed':
    case 'in_doubt':
      return { ...row, ...said, message: toText(step.message) };
    default:
      return { ...row, ...said };
  }
}

function missingNote(key: NoteKey): LedgerError {
  return new LedgerError(
    `The ledger has no note ${key} that could take this step: it is damaged, or was changed by hand. Restore it from a backup.`,
  );
}

const CLAIM_COLUMNS = `position integer, fingerprint text, contact_id text, sub_org text, sent_hash text, input_hash text, "row" text,
  claimed_at bigint, claim_skew bigint, take_doubt boolean`;
const BUSY = `EXISTS (SELECT 1 FROM memory_import.note AS other WHERE other.contact_id = w.contact_id AND other.owner_number <> $2)`;

// The keys in the order of the claims, the rows in that of the fingerprints.
const CLAIM_NEW: Statement = {
  name: 'claim_new',
  text: `WITH wanted AS MATERIALIZED (
      SELECT nextval('memory_import.note_key') AS note_key, w.* FROM json_to_recordset($1::json) AS w (${CLAIM_COLUMNS}))
    INSERT INTO memory_import.note (note_key, fingerprint, contact_id, sub_org, sent_hash, input_hash, state, owner_number, claim_batch, run_number, row, claimed_at, claim_skew)
    SELECT note_key, decode(fingerprint, 'hex'), contact_id, sub_org, decode(sent_hash, 'hex'), decode(input_hash, 'hex'),
      'claimed', $2, $3, $4, "row", claimed_at, claim_skew
    FROM wanted AS w WHERE NOT ${BUSY} ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO NOTHING RETURNING note_key, encode(fingerprint, 'hex') AS fingerprint`,
};
// A note whose answer was lost keeps the time of its first claim: what its earlier request made late is younger than that.
// The id of a memory that was undone stays known until another takes its place: a list that still shows it mustn't pass for the new one.
const CLAIM_AGAIN: Statement = {
  name: 'claim_again',
  text: `WITH free AS (
      SELECT n.note_key, n.state, n.doubted, n.claimed_at AS doubted_since, n.claim_skew AS doubted_skew,
        w.fingerprint, w."row", w.sent_hash, w.input_hash, w.claimed_at, w.claim_skew
      FROM json_to_recordset($1::json) AS w (${CLAIM_COLUMNS}) JOIN memory_import.note AS n ON n.fingerprint = decode(w.fingerprint, 'hex')
      WHERE (n.owner_number = $2 AND n.claim_batch = $3) OR (n.owner_number IS NULL AND NOT ${BUSY} AND (n.state IN ('released', 'undone')
        OR (n.state = 'failed' AND n.run_number <> $4) OR (n.state = 'in_doubt' AND w.take_doubt AND n.run_number <> $4)))
      ORDER BY n.note_key FOR UPDATE OF n)
    UPDATE memory_import.note AS n SET state = CASE WHEN n.state IN ('in_doubt', 'sending') THEN 'sending' ELSE 'claimed' END,
      owner_number = $2, claim_batch = $3, run_number = $4, row = f."row", sent_hash = decode(f.sent_hash, 'hex'), input_hash = decode(f.input_hash, 'hex'),
      claimed_at = CASE WHEN n.doubted THEN n.claimed_at ELSE f.claimed_at END, claim_skew = CASE WHEN n.doubted THEN n.claim_skew ELSE f.claim_skew END,
      since = NULL, class = NULL, status = NULL, message = NULL, created_at = NULL, how = NULL,
      late_memory_id = CASE WHEN n.state = 'undone' THEN NULL ELSE n.late_memory_id END
    FROM free AS f WHERE n.note_key = f.note_key
    RETURNING n.note_key, f.fingerprint, f.doubted, f.doubted_since, f.doubted_skew`,
};
const STATES: Statement = {
  name: 'states',
  text: `SELECT note.*, run.run_id FROM memory_import.note AS note JOIN memory_import.run AS run USING (run_number)
    WHERE fingerprint IN (SELECT decode(f, 'hex') FROM json_array_elements_text($1::json) AS f)`,
};
const WHO_HOLDS: Statement = {
  name: 'who_holds',
  text: `SELECT DISTINCT ON (n.contact_id) n.contact_id, n.note_key, run.run_id, owner.host, owner.pid
    FROM memory_import.note AS n JOIN memory_import.owner AS owner USING (owner_number) LEFT JOIN memory_import.run AS run ON run.owner_number = n.owner_number
    WHERE n.contact_id IN (SELECT json_array_elements_text($1::json)) AND n.owner_number <> $2 ORDER BY n.contact_id, n.note_key`,
};

async function claimAll(session: Session, commit: Commit, takenOver: boolean): Promise<readonly ClaimAnswer[]> {
  const { batch, owner, number, runNumber } = commit;
  if (batch.claims.length === 0) return [];
  if (takenOver) return batch.claims.map(() => BUSY_ALWAYS);
  const first = new Map<Fingerprint, number>();
  batch.claims.forEach(({ fingerprint }, position) => {
    if (!first.has(fingerprint)) first.set(fingerprint, position);
  });
  const answers: (ClaimAnswer | undefined)[] = batch.claims.map(() => undefined);
  const wantedRows = () => JSON.stringify([...first].map(([, position]) => claimRow(batch.claims[position]!, position)));
  const settle = (row: PostgresRow, answer: ClaimAnswer): void => {
    const fingerprint = row.fingerprint as Fingerprint; // as it was asked for
    answers[first.get(fingerprint)!] = answer;
    first.delete(fingerprint);
  };

  for (const row of await session.query(CLAIM_NEW, [wantedRows(), owner, number, runNumber])) {
    settle(row, { kind: 'claimed', key: row.note_key as NoteKey, doubtedSince: null, doubtedSkewMs: null });
  }
  if (first.size > 0) {
    for (const row of await session.query(CLAIM_AGAIN, [wantedRows(), owner, number, runNumber])) {
      const doubted = row.doubted === true;
      const [since, skew] = [Number(row.doubted_since), row.doubted_skew as number | null];
      settle(row, {
        kind: 'claimed',
        key: row.note_key as NoteKey,
        doubtedSince: doubted ? since : null,
        doubtedSkewMs: doubted ? skew : null,
      });
    }
  }
  const rest = batch.claims.flatMap((claim, position) => (answers[position] === undefined ? [{ claim, position }] : []));
  if (rest.length > 0) await explain(session, commit, { rest, answers });
  return answers as readonly ClaimAnswer[]; // `explain` has filled in the rest
}

interface Unclaimed {
  readonly rest: readonly { readonly claim: Claim; readonly position: number }[];
  readonly answers: (ClaimAnswer | undefined)[];
}

/** What isn't ours to send: known to be settled, ours already, or another owner's at the moment. */
async function explain(session: Session, commit: Commit, { rest, answers }: Unclaimed): Promise<void> {
  const found = await session.query(STATES, [JSON.stringify(rest.map(({ claim }) => claim.fingerprint))]);
  const rows = new Map(found.map((row) => [Buffer.from(row.fingerprint as Uint8Array).toString('hex'), row]));
  const waiting: (typeof rest)[number][] = [];
  for (const entry of rest) {
    const row = rows.get(entry.claim.fingerprint);
    if (row !== undefined && isSettled(row, entry.claim, commit)) answers[entry.position] = { kind: 'known', note: toKnownNote(row) };
    else waiting.push(entry);
  }
  if (waiting.length === 0) return;
  const contacts = JSON.stringify(waiting.map(({ claim }) => toText(claim.contactId)));
  const holders = new Map((await session.query(WHO_HOLDS, [contacts, commit.owner])).map((row) => [row.contact_id, row]));
  for (const { claim, position } of waiting) {
    const holder = holders.get(claim.contactId);
    answers[position] = holder === undefined ? BUSY_ALWAYS : { kind: 'busy', note: holder.note_key as NoteKey, by: holderName(holder) };
  }
}

/** False where it is, or soon may be, somebody's to send. */
function isSettled(row: PostgresRow, { takeDoubt }: Claim, { owner, runNumber }: Commit): boolean {
  if (row.owner_number !== null) return row.owner_number === owner;
  const isOurs = row.run_number === runNumber;
  switch (row.state as NoteState) {
    case 'created':
      return true;
    case 'failed':
      return isOurs;
    case 'in_doubt':
      return isOurs || !takeDoubt;
    default:
      return false;
  }
}

const BUSY_ALWAYS: ClaimAnswer = { kind: 'busy', note: null, by: 'another process' };

function holderName({ run_id, host, pid }: PostgresRow): string {
  return `run ${run_id}, process ${pid} on ${host}`;
}

function claimRow(claim: Claim, position: number) {
  const { fingerprint, contactId, subOrg, sentHash, inputHash, row, claimedAt, skewMs, takeDoubt } = claim;
  return {
    position,
    fingerprint,
    contact_id: toText(contactId),
    sub_org: toText(subOrg),
    sent_hash: sentHash,
    input_hash: inputHash,
    row: toText(row),
    claimed_at: claimedAt,
    claim_skew: skewMs === null ? null : Math.round(skewMs),
    take_doubt: takeDoubt,
  };
}

// In order, so that no two commits wait for one another. Of one that was learnt twice the last counts.
const LEARN: Statement = {
  name: 'learn',
  text: `INSERT INTO memory_import.learnt_contact (address, contact_id) SELECT address, contact_id
    FROM json_to_recordset($1::json) AS l (address text, contact_id text) ORDER BY address COLLATE "C"
    ON CONFLICT (address) DO UPDATE SET contact_id = excluded.contact_id`,
};

function learntRows(contacts: readonly LearntContact[]): string {
  const last = new Map(contacts.map(({ address, contactId }) => [address, contactId]));
  return JSON.stringify([...last].map(([address, contactId]) => ({ address: toText(address), contact_id: toText(contactId) })));
}

const FORGET_FAILURES: Statement = {
  name: 'forget_failures',
  text: 'DELETE FROM memory_import.failure WHERE run_number = $1 AND batch = $2',
};
const RECORD_FAILURES: Statement = {
  name: 'record_failures',
  text: `INSERT INTO memory_import.failure (run_number, batch, input, row, target, class, status, message, attempts)
    SELECT $2, $3, input, "row", target, class, status, message, attempts
    FROM json_to_recordset($1::json) AS f (position integer, input integer, "row" integer, target integer, class text, status integer, message text, attempts integer)
    ORDER BY position`,
};
