import type { Fingerprint, NoteKey } from '../model.js';
import type { Claim, ClaimAnswer, LedgerBatch, NoteState } from './ledger.js';
import { type PostgresRow, type Session, type Statement, toText } from './postgres-session.js';
import { toKnownNote } from './rows.js';

/** Of a commit what its claims need. */
interface ClaimsCommit {
  readonly batch: Pick<LedgerBatch, 'claims'>;
  readonly owner: number;
  readonly runNumber: number;
  readonly number: number;
}

/** Claims what is free, and says of the rest why it isn't; in the order of the claims. */
export async function claimAll(session: Session, commit: ClaimsCommit): Promise<readonly ClaimAnswer[]> {
  const { batch, owner, number, runNumber } = commit;
  if (batch.claims.length === 0) return [];
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
async function explain(session: Session, commit: ClaimsCommit, { rest, answers }: Unclaimed): Promise<void> {
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
function isSettled(row: PostgresRow, { takeDoubt }: Claim, { owner, runNumber }: ClaimsCommit): boolean {
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

export const BUSY_ALWAYS: ClaimAnswer = { kind: 'busy', note: null, by: 'another process' };

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
    FROM memory_import.note AS n JOIN memory_import.owner AS owner USING (owner_number) LEFT JOIN memory_import.run AS run ON run.owner_number = n.owner_number OR run.run_number = owner.run_number
    WHERE n.contact_id IN (SELECT json_array_elements_text($1::json)) AND n.owner_number <> $2 ORDER BY n.contact_id, n.note_key`,
};
