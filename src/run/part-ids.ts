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
