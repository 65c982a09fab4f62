import type { Submitted } from '../dispatch/claim.js';
import type { FirstSeen } from '../ledger/first-seen.js';
import { withOccurrence } from '../map/fingerprint.js';
import type { Fingerprint, NoteKey, Outcome } from '../model.js';

/** Identical notes of a run, which may be with different workers: only the coordinator sees all of them. */
export interface Twins {
  /** The row as it is handed on. Where each of several identical notes is to be made, they are counted here, in the order of the input. */
  counted(row: Submitted): Submitted;
  /** What a row is that a worker has told of: one that it found imported may be the second one of this run that was. */
  told(outcome: Outcome, row: Submitted, key: NoteKey | null): Outcome;
}

export function createTwins(options: {
  readonly duplicates: 'skip' | 'create';
  readonly firstSeen: FirstSeen;
  readonly labelOf: (ordinal: number) => string;
}): Twins {
  const { duplicates, firstSeen, labelOf } = options;
  const occurrences = new Map<Fingerprint, number>();

  return {
    counted(row) {
      // A row of a failures file knows which it is.
      if (duplicates === 'skip' || row.draft.occurrence > 1) return row;
      const occurrence = (occurrences.get(row.base) ?? 0) + 1;
      occurrences.set(row.base, occurrence);
      if (occurrence === 1) return row;
      const { parts } = row.draft;
      const draft = { ...row.draft, occurrence, fingerprint: withOccurrence(row.base, occurrence) };
      if (parts === undefined) return { ...row, draft };
      const counted = parts.map((part) => {
        return { ...part, draft: { ...part.draft, occurrence, fingerprint: withOccurrence(part.base, occurrence) } };
      });
      return { ...row, draft: { ...draft, parts: counted } };
    },
    told(outcome, row, key) {
      const first = key === null ? null : firstSeen.meet(key, row.ordinal);
      if (first === null || first === row.ordinal || duplicates === 'create') return outcome;
      if (outcome.kind !== 'already_imported' && outcome.kind !== 'recovered') return outcome;
      const { memoryId, createdAt } = outcome;
      return { kind: 'duplicate', firstRow: labelOf(first), memoryId, createdAt };
    },
  };
}
