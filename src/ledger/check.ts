import { statSync } from 'node:fs';
import { UserError } from '../errors.js';
import { checkIndexes } from './check-indexes.js';
import type { Database } from './database.js';
import { describe, isCorrupt } from './database-error.js';
import { type LedgerFinding, MEND } from './finding.js';
import { type Holder, liveHolder } from './holder.js';
import type { NoteState } from './ledger.js';
import { type LedgerReader, openLedgerReader } from './ledger-reader.js';
import { checkVersion } from './schema.js';

/** What a ledger holds, and whether what is always true of a ledger is true of this one. */
export interface LedgerCheck {
  /** The real path. */
  readonly path: string;
  readonly version: number;
  /** `log`: what was committed and isn't merged into the file yet. */
  readonly bytes: { readonly file: number; readonly log: number };
  /** Of the key it knows a salted hash only; null: no run has begun. */
  readonly target: { readonly baseUrl: string } | null;
  readonly notes: { readonly total: number } & Readonly<Record<NoteState, number>>;
  /** What nobody knows the outcome of, notes of dead runs included: the next run looks for them. */
  readonly inDoubt: { readonly notes: number; readonly since: string | null; readonly runs: readonly string[] };
  readonly closingLooksDue: number;
  readonly runs: { readonly total: number; readonly first: string | null; readonly last: string | null };
  /** Who holds its lock, as far as can be told without trying; null: nobody. */
  readonly heldBy: Holder | null;
  /** `quick`: the notes weren't looked at one by one. */
  readonly depth: 'full' | 'quick';
  readonly findings: readonly LedgerFinding[];
}

/**
 * Reads the whole ledger, in one moment of it, also while a run goes on. Memory is bounded: of ten million notes some 30 MB are held.
 * @throws UserError where there is no ledger, or the file isn't one
 */
export async function checkLedger(givenPath: string, { quick }: { readonly quick: boolean }): Promise<LedgerCheck> {
  const reader = openLedgerReader(givenPath);
  try {
    reader.database.exec('BEGIN');
    // A run has brought it up to date since it was opened: what stood in for it would hide what is there now.
    if (checkVersion(reader.database, reader.path) !== reader.version) return await checkLedger(givenPath, { quick });
    return await check(reader, quick);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    // Not even counting the notes is possible.
    throw new UserError(`The ledger ${reader.path} is damaged: ${describe(error)}. ${MEND}`, { cause: error });
  } finally {
    // Closing alone doesn't end it, see `Database.close`: it would keep the log from being merged.
    if (reader.database.isTransaction) reader.database.exec('ROLLBACK');
    reader.database.close();
  }
}

const STATES: readonly NoteState[] = ['created', 'failed', 'in_doubt', 'claimed', 'sending', 'released', 'undone'];

const COUNTS = `SELECT count(*) AS total, ${STATES.map((state) => `sum(state = '${state}') AS ${state}`).join(', ')},
  sum(length(fingerprint) <> 32) AS odd_fingerprints, sum(state = 'created' AND how IS NULL) AS odd_created,
  sum(state = 'failed' AND class IS NULL) AS odd_failed, sum(state = 'in_doubt' AND since IS NULL) AS odd_doubts,
  sum(run_number NOT IN (SELECT run_number FROM run)) AS without_run FROM note`;
// Where nobody holds the ledger, what was under way is in doubt.
const IN_DOUBT = `SELECT run_id, count(*) AS notes, min(coalesce(since, claimed_at)) AS since FROM note LEFT JOIN run USING (run_number)
  WHERE (state IN ('claimed', 'sending', 'in_doubt') OR closing = 1) AND (state = 'in_doubt' OR (state IN ('claimed', 'sending') AND ? = 0))
  GROUP BY run_number`;
const CLOSING = `SELECT count(*) AS notes FROM note WHERE (state IN ('claimed', 'sending', 'in_doubt') OR closing = 1) AND state = 'created'`;
const FAILURES_WITHOUT_RUN = 'SELECT count(*) AS failures FROM failure WHERE run_number NOT IN (SELECT run_number FROM run)';
// One that never came to its folder couldn't start: `runs` doesn't list it either.
const RUNS = `SELECT count(*) AS total, min(started_at) AS first, max(started_at) AS last
  FROM (SELECT json_extract(record, '$.startedAt') AS started_at FROM run WHERE json_valid(record) AND json_extract(record, '$.out') <> '')`;
const BROKEN_RECORDS = 'SELECT count(*) AS records FROM run WHERE NOT json_valid(record)';
const TARGET = `SELECT CASE WHEN json_valid(value) THEN json_extract(value, '$.baseUrl') END AS base_url FROM meta WHERE name = 'target'`;

async function check({ database, path, version }: LedgerReader, quick: boolean): Promise<LedgerCheck> {
  const findings: LedgerFinding[] = [...integrity(database, quick)];
  const counts = database.prepare(COUNTS).get() ?? {};
  const count = (name: string) => Number(counts[name] ?? 0);
  findings.push(...oddities(count, Number(database.prepare(FAILURES_WITHOUT_RUN).get()?.failures ?? 0)));
  const heldBy = liveHolder(path);
  const doubts = database.prepare(IN_DOUBT).all(heldBy === null ? 0 : 1);
  const baseUrl = database.prepare(TARGET).get()?.base_url ?? null;
  if (baseUrl === null && count('total') > 0) findings.push(NO_TARGET);
  const broken = Number(database.prepare(BROKEN_RECORDS).get()?.records ?? 0);
  if (broken > 0) findings.push({ code: 'record_invalid', message: `the records of ${broken} runs can't be read`, advice: MEND });
  if (!quick) findings.push(...(await looked(database, count('total'))));

  return {
    path,
    version,
    bytes: { file: statSync(path).size, log: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0 },
    target: baseUrl === null ? null : { baseUrl: String(baseUrl) },
    notes: { total: count('total'), ...countsByState(count) },
    inDoubt: {
      notes: doubts.reduce((sum, { notes }) => sum + Number(notes), 0),
      since: doubts.length === 0 ? null : new Date(Math.min(...doubts.map(({ since }) => Number(since)))).toISOString(),
      runs: doubts.map(({ run_id }) => String(run_id)),
    },
    closingLooksDue: Number(database.prepare(CLOSING).get()?.notes ?? 0),
    runs: runsOf(database),
    heldBy,
    depth: quick ? 'quick' : 'full',
    findings,
  };
}

const SHOWN_DAMAGES = 5;

function integrity(database: Database, quick: boolean): readonly LedgerFinding[] {
  const said = lines(database, `PRAGMA ${quick ? 'quick_check' : 'integrity_check'}(${SHOWN_DAMAGES})`);
  if (said.length === 1 && said[0] === 'ok') return [];
  return [{ code: 'damaged', message: `SQLite finds it damaged: ${said.join('; ')}`, advice: MEND }];
}

function lines(database: Database, pragma: string): readonly string[] {
  try {
    return database
      .prepare(pragma)
      .all()
      .flatMap((row) => String(Object.values(row)[0]).trim().split('\n'));
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return [describe(error)];
  }
}

/** What can be told by counting. */
function oddities(count: (name: string) => number, failuresWithoutRun: number): readonly LedgerFinding[] {
  const known = STATES.reduce((sum, state) => sum + count(state), 0);
  const odd = count('total') - known + count('odd_fingerprints') + count('odd_created') + count('odd_failed') + count('odd_doubts');
  const findings: LedgerFinding[] = [];
  if (odd > 0)
    findings.push({
      code: 'note_invalid',
      message: `${odd} notes aren't as this program writes them (state, fingerprint, or what belongs to the state)`,
      advice: MEND,
    });
  if (count('without_run') > 0)
    findings.push({ code: 'note_without_run', message: `${count('without_run')} notes are of a run that isn't there`, advice: MEND });
  if (failuresWithoutRun > 0)
    findings.push({
      code: 'failure_without_run',
      message: `${failuresWithoutRun} failed rows are of a run that isn't there`,
      advice: "They do no harm; 'memory-import ledger compact' drops them.",
    });
  return findings;
}

const NO_TARGET: LedgerFinding = {
  code: 'no_target',
  message: "it has notes, and doesn't say of which address and key",
  advice: 'The next import stamps it: make sure that it is for the right account.',
};

/** Note by note. A page that can't be read ends it: what lies behind isn't known. */
async function looked(database: Database, notes: number): Promise<readonly LedgerFinding[]> {
  try {
    return await checkIndexes(database, notes);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return [{ code: 'damaged', message: `not every note can be read: ${describe(error)}`, advice: MEND }];
  }
}

function countsByState(count: (state: NoteState) => number): Record<NoteState, number> {
  const byState = { created: 0, failed: 0, in_doubt: 0, claimed: 0, sending: 0, released: 0, undone: 0 };
  for (const state of STATES) byState[state] = count(state);
  return byState;
}

function runsOf(database: Database): LedgerCheck['runs'] {
  const { total, first, last } = database.prepare(RUNS).get() ?? {};
  return { total: Number(total ?? 0), first: textOrNull(first), last: textOrNull(last) };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
