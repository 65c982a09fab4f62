import type { Witness, WitnessAnswer } from './ledger.js';
import { textOrNull, timeOf } from './rows.js';

interface Weighed {
  readonly says: WitnessAnswer;
  /** The memory that is the note's from now on; null: the ledger's word stays. */
  readonly takes: Pick<Witness, 'memoryId' | 'createdAt'> | null;
}

/** Whether a witness's word replaces what a ledger has of the note, in whichever store it lies. */
export function weigh(note: Record<string, unknown>, witness: Witness): Weighed {
  const taken = takenFrom(note, witness);
  const sameMemory = witness.memoryId === null || note.memory_id === null || note.memory_id === witness.memoryId;
  const isLater = (timeOf(witness.createdAt) ?? 0) > (timeOf(note.created_at) ?? 0);
  switch (note.state) {
    case 'created':
      if (sameMemory) return { says: 'known', takes: teaches(note, witness) ? taken : null };
      // Of two that were rebuilt the later one counts: the earlier was undone before, or the note couldn't have been made again.
      return { says: 'differs', takes: Buffer.from(note.sent_hash as Uint8Array).length === 0 && isLater ? taken : null };
    case 'undone':
      return !sameMemory && isLater ? { says: 'settled', takes: taken } : { says: 'undone', takes: null };
    case 'failed':
    case 'in_doubt':
    case 'claimed':
    case 'sending':
    case 'released':
      // The memory it is known by was undone before the note was claimed again.
      if (note.memory_id !== null && note.memory_id === witness.memoryId) return { says: 'undone', takes: null };
      return { says: 'settled', takes: taken };
    default:
      return { says: 'known', takes: null };
  }
}

/** What is known of a memory that was undone isn't true of another one. */
function takenFrom(note: Record<string, unknown>, { memoryId, createdAt }: Witness): Pick<Witness, 'memoryId' | 'createdAt'> {
  if (note.state !== 'created') return { memoryId, createdAt };
  return { memoryId: memoryId ?? textOrNull(note.memory_id), createdAt: createdAt ?? textOrNull(note.created_at) };
}

/** It knows the memory's id, or which run made it, where the ledger doesn't. */
function teaches(note: Record<string, unknown>, witness: Witness): boolean {
  if (note.memory_id === null && witness.memoryId !== null) return note.how === 'adopted' || witness.made !== null;
  return note.how === 'adopted' && witness.made !== null;
}
