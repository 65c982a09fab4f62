import type { NoteKey } from '../model.js';
import type { Database } from './database.js';

/**
 * Notes that this run has claimed, never claimed before by any, and not settled yet. The index of what is open leaves them out, since an entry
 * that comes and goes with each note costs more than the note itself. A mark tells the next opening from where on it has to look
 * for them: none of them has a key up to the mark.
 */
export interface OpenClaims {
  /** After the commit, never before. */
  committed(batch: { readonly inserted: Iterable<NoteKey>; readonly settled: readonly { readonly key: NoteKey }[] }): void;
  /** Moves the mark, from time to time: in a transaction, before anything else of it. */
  moveMark(): void;
}

/** So many notes, and those of the last batches, are read after a crash. */
const LAG = 2048;

const WRITE_MARK = `INSERT INTO meta (name, value) VALUES ('claimed_above', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

export function createOpenClaims(database: Database): OpenClaims {
  // In the order of their keys: they grow.
  const open = new Set<NoteKey>();
  let lastKey = 0;
  let mark = 0;

  return {
    committed({ inserted, settled }) {
      for (const key of inserted) {
        open.add(key);
        lastKey = key;
      }
      for (const { key } of settled) open.delete(key);
    },
    moveMark() {
      if (lastKey - mark < LAG) return;
      const [first] = open;
      const next = first === undefined ? lastKey : first - 1;
      if (next - mark < LAG) return;
      database.prepare(WRITE_MARK).run(next);
      // Should the transaction fail, the one that was written before is as true.
      mark = next;
    },
  };
}

/** To be called where no note is claimed, in the same transaction: the mark is moved to the last note. */
export function nothingClaimed(database: Database): void {
  database.prepare(WRITE_MARK).run(Number(database.prepare(LAST_KEY).get()?.last ?? 0));
}

const LAST_KEY = 'SELECT max(note_key) AS last FROM note';
