import { isDeleted } from '../dispatch/adopt.js';
import type { CreatedNote } from '../ledger/ledger.js';
import { assertNever } from '../model.js';
import type { UndoneNote } from '../model-after-run.js';
import type { ContactGroup } from './contact-groups.js';
import { decideSteps, type UndoDeciding } from './undo-steps.js';

export interface ContactUndo extends UndoDeciding {
  /** Notes in several parts of which one couldn't be deleted, in this window or one before. */
  readonly torn: TornNotes;
  /** Called as soon as what became of a note is known. */
  readonly settle: (note: CreatedNote, outcome: Pick<UndoneNote, 'outcome' | 'message'>, memoryId: string | null) => void;
}

/**
 * Deletes one contact's memories, in the order given, after a look at what they are now. Ends early when the command is stopped; what was
 * asked for by then is settled.
 * @returns false where a delete may have been done that nobody knows of
 */
export async function undoContact(notes: ContactGroup, undo: ContactUndo): Promise<boolean> {
  const { connection, settle, torn } = undo;
  const { persistence } = connection;
  const steps = await decideSteps(notes, undo);
  if (steps === null) return true;
  let isCertain = true;
  /** Listed just now, and then a 404. */
  const contradictory: { readonly note: CreatedNote; readonly memoryId: string }[] = [];

  for (const [i, note] of notes.entries()) {
    const step = steps[i]!;
    if (step.kind === 'leave') {
      settle(note, step, note.memoryId);
      continue;
    }
    if (step.isPart && torn.has(note)) {
      settle(note, { outcome: 'failed', message: "another part of its note couldn't be deleted: left alone with it" }, note.memoryId);
      continue;
    }
    const removal = await persistence.remove({ contactId: note.contactId, subOrg: note.subOrg, memoryId: step.memoryId });
    if (removal === null) {
      isCertain = false;
      break;
    }
    switch (removal.kind) {
      case 'failed':
        isCertain = false;
        if (step.isPart) torn.add(note);
        settle(note, { outcome: 'failed', message: removal.message }, step.memoryId);
        break;
      case 'deleted':
        settle(note, { outcome: 'deleted', message: step.remark }, step.memoryId);
        break;
      case 'gone':
        if (removal.lostAnswers > 0) {
          const message = joined([`the answer to an earlier request was lost, and it isn't there any more`, step.remark]);
          settle(note, { outcome: 'deleted', message }, step.memoryId);
        } else if (step.isListed) contradictory.push({ note, memoryId: step.memoryId });
        else settle(note, { outcome: 'gone', message: step.remark }, step.memoryId);
        break;
      default:
        assertNever(removal);
    }
  }
  if (contradictory.length > 0) await lookAgain(contradictory, undo);
  return isCertain;
}

/** Without its last part a note would be imported again, and with it alone it counts as imported: what is left of it stays together. */
export interface TornNotes {
  add(note: CreatedNote): void;
  has(note: CreatedNote): boolean;
}

export function createTornNotes(): TornNotes {
  const notes = new Set<string>();
  const keyOf = ({ contactId, subOrg, row }: CreatedNote) => JSON.stringify([contactId, subOrg, row]);
  return { add: (note) => void notes.add(keyOf(note)), has: (note) => notes.size > 0 && notes.has(keyOf(note)) };
}

/** The list showed it, and the delete said that it isn't there: gone in between, or one of the two is wrong. */
async function lookAgain(
  contradictory: readonly { readonly note: CreatedNote; readonly memoryId: string }[],
  { connection, settle }: ContactUndo,
): Promise<void> {
  const [first] = contradictory;
  const list = first === undefined ? null : await connection.persistence.list(first.note);
  if (list === null) return;
  for (const { note, memoryId } of contradictory) {
    const isThere = list.kind === 'listed' && list.memories.some((memory) => memory.id === memoryId && !isDeleted(memory));
    if (list.kind === 'failed' || isThere) {
      const message = `the list shows it, and DELETE answers that it isn't there (404)${list.kind === 'failed' ? `; ${list.message}` : ''}`;
      settle(note, { outcome: 'failed', message }, memoryId);
    } else settle(note, { outcome: 'gone', message: 'it went away meanwhile' }, memoryId);
  }
}

function joined(remarks: readonly string[]): string {
  return remarks.filter((remark) => remark !== '').join('; ');
}
