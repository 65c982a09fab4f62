import type { KnownNote } from '../ledger/ledger.js';
import type { Draft, NoteKey, Outcome, RowFailure } from '../model.js';
import { assertNever } from '../model.js';

export interface KnownRow {
  readonly note: KnownNote;
  readonly draft: Draft;
  /** The row of this run that was the same note before; null: this is the first. */
  readonly firstRow: string | null;
  /** What the ledger has of it is of this row, by a process that died before it could tell. */
  readonly isOwn: boolean;
  /** Notes that this run found by looking before its first row. */
  readonly recoveredBefore: ReadonlySet<NoteKey>;
}

/** What a row is whose note the ledger knows and that isn't to be sent. A duplicate shares what became of its first. */
export function outcomeOfKnown({ note, draft, firstRow, isOwn, recoveredBefore }: KnownRow): Outcome {
  const { memoryId, createdAt } = note;
  if (isOwn) {
    const { how, attempts, failure } = note;
    if (note.state === 'created' && how !== 'adopted') return { kind: how ?? 'created', memoryId, createdAt, attempts };
    if (failure !== null) return { kind: 'failed', ...failure, details: null, attempts };
  }
  switch (note.state) {
    case 'created':
      if (firstRow !== null) return { kind: 'duplicate', firstRow, memoryId, createdAt };
      if (recoveredBefore.has(note.key)) return { kind: 'recovered', memoryId, createdAt, attempts: 0 };
      return { kind: 'already_imported', memoryId, createdAt, changed: hasChanged(draft, note) };
    case 'failed':
      return share(note.failure, firstRow ?? note.row);
    case 'in_doubt': {
      if (firstRow !== null) return share({ class: 'in_doubt', status: null, message: note.failure?.message ?? '' }, firstRow);
      const why = note.failure?.message ? `: ${note.failure.message}` : '';
      return inDoubt(
        `an earlier run (${note.runId}) sent it and never learned the answer${why}; each run begins by looking for it, unless --in-doubt says otherwise`,
      );
    }
    case 'claimed':
    case 'sending':
      return inDoubt(`it is under way in another run (${note.runId})`);
    case 'released':
    case 'undone':
      throw new Error(`note ${note.key} is ${note.state}: it should have been claimed`);
    default:
      return assertNever(note.state);
  }
}

/** With `--id-column`: its content isn't what it was then. Of a note that was rebuilt that isn't known. */
export function hasChanged(draft: Pick<Draft, 'inputHash'>, note: Pick<KnownNote, 'inputHash'>): boolean {
  return draft.inputHash !== null && note.inputHash !== null && draft.inputHash !== note.inputHash;
}

function share(failure: Pick<RowFailure, 'class' | 'status' | 'message'> | null, firstRow: string): RowFailure {
  if (failure === null) throw new Error('a failed note without its failure');
  return {
    kind: 'failed',
    class: failure.class,
    status: failure.status,
    message: `the same note as row ${firstRow}, which failed: ${failure.message}`,
    details: null,
    attempts: 0,
  };
}

function inDoubt(message: string): RowFailure {
  return { kind: 'failed', class: 'in_doubt', status: null, message, details: null, attempts: 0 };
}
