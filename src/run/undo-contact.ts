import { compareContact, type Presence } from '../callers/compare.js';
import { isDeleted } from '../dispatch/adopt.js';
import type { CreatedNote, Ledger } from '../ledger/ledger.js';
import { contentHash } from '../map/fingerprint.js';
import { assertNever } from '../model.js';
import type { UndoneNote } from '../model-after-run.js';
import type { Connection } from './connection.js';
import type { ContactGroup } from './contact-groups.js';

export interface ContactUndo {
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt'>;
  readonly ledger: Pick<Ledger, 'contact'>;
  /** Also what was altered, or can't be compared. */
  readonly force: boolean;
  /** Called as soon as what became of a note is known. */
  readonly settle: (note: CreatedNote, outcome: Pick<UndoneNote, 'outcome' | 'message'>, memoryId: string | null) => void;
}

/**
 * Deletes one contact's memories, in the order given, after a look at what they are now. Ends early when the command is stopped; what was
 * asked for by then is settled.
 * @returns false where a delete may have been done that nobody knows of
 */
export async function undoContact(notes: ContactGroup, undo: ContactUndo): Promise<boolean> {
  const { connection, settle, force } = undo;
  const { persistence } = connection;
  const looked = await compareNotes(notes, undo);
  if (looked === null) return true;
  let isCertain = true;
  /** Listed just now, and then a 404. */
  const contradictory: { readonly note: CreatedNote; readonly memoryId: string }[] = [];

  for (const [i, note] of notes.entries()) {
    const step = decide(note, looked.presences[i]!, force);
    if (step.kind === 'leave') {
      settle(note, step, note.memoryId);
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

type Step =
  | { readonly kind: 'leave'; readonly outcome: UndoneNote['outcome']; readonly message: string }
  /** `isListed`: it was there a moment ago. */
  | { readonly kind: 'remove'; readonly memoryId: string; readonly isListed: boolean; readonly remark: string };

function decide(note: CreatedNote, presence: Presence | string, force: boolean): Step {
  const leave = (outcome: UndoneNote['outcome'], message: string): Step => ({ kind: 'leave', outcome, message });
  if (typeof presence === 'string') return leave('failed', `not deleted, since it can't be compared: ${presence}`);
  switch (presence.kind) {
    case 'match': {
      const { memory, otherIds, byContent } = presence;
      // Which of them was made for the note can't be told; the others may be somebody's.
      if (byContent && otherIds.length > 0)
        return leave('failed', `its id was never learnt, and several memories may be it: ${[memory.id, ...otherIds].join(', ')}`);
      return { kind: 'remove', memoryId: memory.id, isListed: true, remark: copiesRemark(otherIds) };
    }
    case 'altered':
      if (force) return { kind: 'remove', memoryId: presence.memory.id, isListed: true, remark: 'it was altered since' };
      return leave('altered', "its name or text isn't what was sent: left alone (--force deletes it)");
    case 'missing':
      if (note.memoryId === null) return leave('gone', presence.message);
      return { kind: 'remove', memoryId: note.memoryId, isListed: false, remark: copiesRemark(presence.otherIds) };
    case 'unproven':
      if (force && note.memoryId !== null)
        return { kind: 'remove', memoryId: note.memoryId, isListed: false, remark: 'deleted without a comparison' };
      return leave('failed', `not deleted, since it can't be compared: ${presence.message}`);
    default:
      return assertNever(presence);
  }
}

function copiesRemark(otherIds: readonly string[]): string {
  return otherIds.length === 0 ? '' : `the same content is also there as ${otherIds.join(', ')}, which the ledger doesn't know: left alone`;
}

/** For each note what the list shows of it, or why it can't be compared; null where the command was stopped first. */
export async function compareNotes(
  notes: ContactGroup,
  { connection, ledger }: Pick<ContactUndo, 'connection' | 'ledger'>,
): Promise<{ readonly presences: readonly (Presence | string)[] } | null> {
  const { persistence, pages, halt } = connection;
  const [address] = notes;
  if (address === undefined) return { presences: [] };
  const list = await persistence.list(address);
  if (list === null) return null;
  if (list.kind === 'failed') return { presences: notes.map(() => list.message) };
  // Without its contact a memory isn't there either; the delete of each is asked all the same.
  const memories = list.kind === 'gone' ? [] : list.memories;
  const compare = () =>
    compareContact({
      notes,
      memories,
      known: () => ledger.contact(address.contactId, address.subOrg),
      mayBePage: pages.isSuspect(memories.length),
      hashOf: contentHash,
      isDeleted,
    });
  const presences = await compare();
  if (!pages.isSuspect(memories.length) || presences.every(({ kind }) => kind !== 'unproven')) return { presences };
  await persistence.askForLongest();
  return halt.signal.aborted ? null : { presences: await compare() };
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
