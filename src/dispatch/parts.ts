import type { KnownNote, Ledger } from '../ledger/ledger.js';
import type { Draft, Fingerprint, Outcome, Part } from '../model.js';
import { joinIds } from '../model.js';
import type { ClaimOptions, Submitted } from './claim.js';

/** Which parts of a note in several memories are to be claimed when its turn has come, in order; never none. */
export type MissingParts = (draft: Draft, parts: readonly Part[]) => Promise<readonly Part[]>;

/** All of them, save for a note that was imported by other means, whole or cut elsewhere: it has no parts before the last. */
export function createMissingParts({
  lookup,
  firstSeen,
  duplicates,
  withOccurrence,
}: Pick<ClaimOptions, 'firstSeen' | 'duplicates' | 'withOccurrence'> & Pick<Ledger, 'lookup'>): MissingParts {
  // By what identical parts have in common: up to this occurrence all are other rows', so that many rows don't walk over all of them again.
  const metUpTo = new Map<Fingerprint, number>();

  return async ({ occurrence }, parts) => {
    const known: (KnownNote | null)[] = [];
    for (const part of parts) known.push(await nextOf(part, occurrence));
    return known.at(-1)?.state === 'created' ? parts.filter((_, i) => known[i] !== null) : parts;
  };

  /** What the ledger has of the part; with `--duplicates create` of the first among identical ones that no row before this was. */
  async function nextOf({ base, draft }: Part, begin: number): Promise<KnownNote | null> {
    // A row of failures.csv begins at its own.
    let occurrence = begin === 1 ? (metUpTo.get(base) ?? 0) + 1 : begin;
    for (;;) {
      const [note = null] = await lookup([occurrence === begin ? draft.fingerprint : withOccurrence(base, occurrence)]);
      if (note === null || duplicates === 'skip' || !firstSeen.has(note.key)) return note;
      if (begin === 1) metUpTo.set(base, occurrence);
      occurrence++;
    }
  }
}

/** The row with the occurrence that its last part turned out to be. */
export function wholeRow(row: Submitted, sent: readonly Part[]): Submitted {
  const { fingerprint, occurrence } = sent.at(-1)?.draft ?? row.draft;
  if (occurrence === row.draft.occurrence) return row;
  // Each part's own place among the identical ones.
  return { ...row, draft: { ...row.draft, fingerprint, occurrence, ...(sent.length > 1 ? { parts: sent } : {}) } };
}

/** @param parts.isMade one of them was created, or found, in this run */
export function ofAllParts(
  last: Outcome,
  parts: { readonly ids: readonly (string | null)[]; readonly attempts: number; readonly isMade: boolean },
): Outcome {
  if (!('memoryId' in last)) return last;
  const { ids, attempts, isMade } = parts;
  const memoryId = joinIds(ids);
  if ('attempts' in last) return { ...last, memoryId, attempts };
  // The last one was there already, and one before it wasn't any more.
  return isMade ? { kind: 'created', memoryId, createdAt: last.createdAt, attempts } : { ...last, memoryId };
}
