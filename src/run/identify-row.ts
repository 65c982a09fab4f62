import type { KnownNote, Ledger, RunRecord } from '../ledger/ledger.js';
import { withOccurrence } from '../map/fingerprint.js';
import type { Draft, Fingerprint, NoteKey } from '../model.js';
import type { PreparedRow, PreparedRows } from './rows.js';

type MappedRow = Extract<PreparedRow, { readonly kind: 'mapped' }>;

/** Which note a row was. `mapped`: what the ledger has for the row's own fingerprint. `failed`: the run failed to create it. */
export type Identify = (
  row: MappedRow,
  mapped: KnownNote | null,
  failed: boolean,
) => Promise<{ readonly draft: Draft; readonly note: KnownNote | null }>;

export const identifyAsMapped: Identify = async ({ draft }, note) => ({ draft, note });

/**
 * `--duplicates create`: each of several identical rows was a note of its own, an occurrence of the base. A row takes the first one that
 * the run gave to it, and that no row before it took; the ledger knows the rows of the run's own notes.
 */
export function identifyAmongIdentical(run: RunRecord, ledger: Ledger, { labelOf }: Pick<PreparedRows, 'labelOf'>): Identify {
  const taken = new Set<NoteKey>();
  // By the fingerprint that a row begins with: below this occurrence all are taken, so that many identical rows don't walk over all of them again.
  const begin = new Map<Fingerprint, number>();
  return async ({ draft, base, ordinal }, mapped, failed) => {
    const label = labelOf(ordinal);
    let allTaken = true;
    for (let occurrence = begin.get(draft.fingerprint) ?? draft.occurrence; ; occurrence++) {
      const fingerprint = occurrence === draft.occurrence ? draft.fingerprint : withOccurrence(base, occurrence);
      const note = occurrence === draft.occurrence ? mapped : ((await ledger.lookup([fingerprint]))[0] ?? null);
      if (note === null) return { draft, note };
      if (!taken.has(note.key) && mayBeOf({ run, note, label, failed })) {
        taken.add(note.key);
        if (allTaken) begin.set(draft.fingerprint, occurrence + 1);
        return { draft: asOccurrence(draft, fingerprint, occurrence), note };
      }
      if (!taken.has(note.key)) allTaken = false;
      else if (allTaken) begin.set(draft.fingerprint, occurrence + 1);
    }
  };
}

function asOccurrence(draft: Draft, fingerprint: Fingerprint, occurrence: number): Draft {
  const { parts } = draft;
  if (occurrence === draft.occurrence) return draft;
  if (parts === undefined) return { ...draft, fingerprint, occurrence };
  const own = parts.map((part) => {
    const identity = { fingerprint: withOccurrence(part.base, occurrence), occurrence };
    return { ...part, draft: { ...part.draft, ...identity } };
  });
  return { ...draft, fingerprint, occurrence, parts: own };
}

interface Candidate {
  readonly run: RunRecord;
  readonly note: KnownNote;
  readonly label: string;
  readonly failed: boolean;
}

function mayBeOf({ run, note, label, failed }: Candidate): boolean {
  const isOfRun = note.runId === run.runId;
  // What failed here may have been taken up by a later run.
  if (failed) return note.runId > run.runId || (isOfRun && !wasMade(note) && note.row === label);
  if (!wasMade(note) || note.runId > run.runId) return false;
  // A note that was recovered before the first row has the row of the run that was killed.
  return !isOfRun || note.how === 'recovered' || note.row === label;
}

/** Whether the note was created once, also if it is undone by now. */
export function wasMade({ state }: Pick<KnownNote, 'state'>): boolean {
  return state === 'created' || state === 'undone';
}
