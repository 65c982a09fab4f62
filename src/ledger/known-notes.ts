import { LedgerError } from '../errors.js';
import type { Fingerprint, RunId } from '../model.js';
import type { Database } from './database.js';
import type { KnownNote } from './ledger.js';
import { toKnownNoteOfFields } from './rows.js';
import { prefixOf } from './tail.js';

/** What the index on disk leads to, many notes at once: where most of a file is known, that is most of the work. */
export interface KnownNotes {
  /** Those of them that are indexed. */
  of(fingerprints: readonly Fingerprint[]): ReadonlyMap<Fingerprint, KnownNote>;
}

export function createKnownNotes(database: Database): KnownNotes {
  const runIds = new Map<number, RunId>();

  const runIdOf = (runNumber: number): RunId => {
    const known = runIds.get(runNumber);
    if (known !== undefined) return known;
    const row = database.prepare(RUN_ID).get(runNumber);
    if (row === undefined)
      throw new LedgerError(`The ledger has notes of a run ${runNumber} that isn't there: it is damaged. Restore it from a backup.`);
    const runId = String(row.run_id) as RunId; // written from one
    runIds.set(runNumber, runId);
    return runId;
  };

  return {
    of(fingerprints) {
      const notes = new Map<Fingerprint, KnownNote>();
      if (fingerprints.length === 0) return notes;
      const found = database.prepare(KNOWN_NOTES).get(JSON.stringify(fingerprints.map(prefixOf)))?.notes;
      // As the query below makes them.
      for (const fields of JSON.parse(String(found)) as [Fingerprint, number, string, number][]) {
        notes.set(fields[0], toKnownNoteOfFields(runIdOf(fields[3]), fields));
      }
      return notes;
    },
  };
}

const RUN_ID = 'SELECT run_id FROM run WHERE run_number = ?';
// One text for all: a value that crosses from the driver by itself costs as much as looking for it.
const KNOWN_NOTES = `WITH found AS (
    SELECT note_key FROM json_each(?1) AS wanted CROSS JOIN recent_by_fingerprint ON prefix = wanted.value UNION ALL
    SELECT note_key FROM json_each(?1) AS wanted CROSS JOIN note_by_fingerprint ON prefix = wanted.value)
  SELECT json_group_array(json_array(lower(hex(fingerprint)), note_key, state, run_number, row, memory_id, created_at, how,
    CASE WHEN input_hash IS NOT NULL THEN lower(hex(input_hash)) END, attempts, class, status, message)) AS notes
  FROM found CROSS JOIN note USING (note_key)`;
