import type { KnownNote, Ledger } from '../ledger/ledger.js';
import { type Draft, joinIds } from '../model.js';

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
