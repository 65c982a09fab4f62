import { LedgerError } from '../errors.js';
import type { NoteKey } from '../model.js';
import type { LedgerBatch, Transition } from './ledger.js';
import { type Session, type Statement, toText } from './postgres-session.js';

/** Of a commit what its steps need. */
interface StepsCommit {
  readonly batch: Pick<LedgerBatch, 'transitions'>;
  readonly owner: number;
  readonly runNumber: number;
  readonly again: boolean;
  readonly now: number;
  readonly held: ReadonlySet<NoteKey>;
}

/** Writes a commit's steps. @throws LedgerError where one can't be made durable */
export async function applySteps(session: Session, commit: StepsCommit, takenOver: boolean): Promise<void> {
  for (const [round, steps] of inRounds(commit.batch.transitions).entries()) {
    await applyRound(session, commit, { steps, isHeld: (key) => takenOver || (round === 0 && commit.held.has(key)) });
  }
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

interface Round {
  readonly steps: readonly Transition[];
  /** After the first step of a note it isn't held any more. Of one that was taken over nothing counts but what it holds, which is nothing. */
  readonly isHeld: (key: NoteKey) => boolean;
}

async function applyRound(session: Session, commit: StepsCommit, { steps, isHeld }: Round): Promise<void> {
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
