import type { KnownNote, Ledger } from '../ledger/ledger.js';
import { type Draft, type Fingerprint, joinIds } from '../model.js';

/** The id of the note's memory; of a note in parts all their ids, in order, joined by a space, as the dispatcher tells them. */
export async function memoryIdsOf(
  ledger: Pick<Ledger, 'lookup'>,
  { parts }: Pick<Draft, 'parts'>,
  { memoryId }: Pick<KnownNote, 'memoryId'>,
): Promise<string | null> {
  if (parts === undefined) return memoryId;
  // The last part is the note itself.
  const before = await ledger.lookup(parts.slice(0, -1).map(({ draft }) => draft.fingerprint));
  const known = before.filter((part) => part?.state === 'created');
  return joinIds([...known.map((part) => part?.memoryId ?? null), memoryId]);
}

/** What undo has left of a note in several parts; null: it deleted none of them, or all. */
export async function partsLeft(
  ledger: Pick<Ledger, 'lookup'>,
  { parts }: Pick<Draft, 'parts'>,
): Promise<readonly { readonly fingerprint: Fingerprint; readonly memoryId: string | null }[] | null> {
  if (parts === undefined) return null;
  const fingerprints = parts.map(({ draft }) => draft.fingerprint);
  const known = await ledger.lookup(fingerprints);
  if (known.every((part) => part?.state !== 'undone')) return null;
  const left = fingerprints.flatMap((fingerprint, i) =>
    known[i]?.state === 'created' ? [{ fingerprint, memoryId: known[i].memoryId }] : [],
  );
  return left.length === 0 ? null : left;
}

/**
 * How many memories a note in parts lacks although its last one is there, by which it counts as imported: those that an undo deleted which
 * took only some of them, since the run that made the others was another one.
 */
export async function lostParts(ledger: Pick<Ledger, 'lookup'>, { parts }: Pick<Draft, 'parts'>): Promise<number> {
  if (parts === undefined) return 0;
  const before = await ledger.lookup(parts.slice(0, -1).map(({ draft }) => draft.fingerprint));
  // Of a note that was sent whole, or cut elsewhere, these parts never were.
  return before.filter((part) => part !== null && part.state !== 'created').length;
}
