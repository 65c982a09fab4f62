import type { Presence } from '../callers/compare.js';
import type { CreatedNote, CreatedPosition, Ledger } from '../ledger/ledger.js';
import { partOf } from '../map/content.js';
import { assertNever, type NoteKey, type RunId } from '../model.js';
import type { UndoneNote } from '../model-after-run.js';
import { type Comparing, compareNotes } from './compare-notes.js';
import type { ContactGroup } from './contact-groups.js';

export interface UndoDeciding extends Comparing {
  readonly runId: RunId;
  readonly ledger: Pick<Ledger, 'contact' | 'createdNotes'>;
  /** Also what was altered, or can't be compared. */
  readonly force: boolean;
}

/**
 * What an undo does with each of a contact's notes, after a look at what they are now. A note in several parts is deleted whole or not at
 * all: one of which a part has to stay keeps the others, also if they stand in another window.
 * @returns null where the command was stopped first
 */
export async function decideSteps(notes: ContactGroup, undo: UndoDeciding): Promise<readonly Step[] | null> {
  const decided = await decideEach(notes, undo);
  if (decided === null) return null;
  const inParts = new Map<string, Decided[]>();
  for (const one of decided) if (one.part !== null) inParts.set(one.note.row, []);
  if (inParts.size === 0) return decided.map(({ step }) => step);
  for (const one of decided) inParts.get(one.note.row)?.push(one);
  const elsewhere = await partsElsewhere(inParts, undo);
  const others = elsewhere.length === 0 ? [] : await decideEach(elsewhere, undo);
  if (others === null) return null;
  for (const one of others) inParts.get(one.note.row)?.push(one);
  return decided.map(({ note, step, part }) => {
    if (part === null || step.kind === 'leave') return step;
    const all = inParts.get(note.row) ?? [];
    const staying = all.find((other) => stays(other.step));
    if (staying !== undefined) return leftWith(staying);
    return all.length < part.count ? { ...step, remark: withOthersLeft(step.remark, all.length, part.count) } : step;
  });
}

/** Which run made the rest of a note the ledger can't tell: by their identities no part leads to another. */
function withOthersLeft(remark: string, here: number, count: number): string {
  const others = `by its name one of ${count} parts, of which this run has ${here}: what another run made isn't deleted with it`;
  return remark === '' ? others : `${remark}; ${others}`;
}

interface Decided {
  readonly note: CreatedNote;
  readonly step: Step;
  /** As its name says, where it is there as it was sent. */
  readonly part: { readonly number: number; readonly count: number } | null;
}

async function decideEach(notes: ContactGroup, undo: UndoDeciding): Promise<readonly Decided[] | null> {
  const presences = await compareNotes(notes, undo);
  if (presences === null) return null;
  return notes.map((note, i) => {
    const presence = presences[i]!;
    const part = typeof presence !== 'string' && presence.kind === 'match' ? partOf(presence.memory.name) : null;
    return { note, part, step: decide(note, presence, undo.force) };
  });
}

function stays(step: Step): boolean {
  return step.kind === 'leave' && step.outcome !== 'gone';
}

function leftWith({ note, step }: Decided): Step {
  const which = `another part of its note${note.memoryId === null ? '' : ` (${note.memoryId})`}`;
  if (step.kind === 'leave' && step.outcome === 'altered')
    return { kind: 'leave', outcome: 'altered', message: `${which} was altered since: left alone with it (--force deletes both)` };
  return { kind: 'leave', outcome: 'failed', message: `${which} can't be deleted: left alone with it` };
}

const PAGE = 1000;

/**
 * The parts of these notes that aren't among those at hand: a window may end in the middle of a note. The run, the contact and the row's
 * label say which belong together. Asked only where the names speak of more parts than there are.
 */
async function partsElsewhere(inParts: ReadonlyMap<string, readonly Decided[]>, { ledger, runId }: UndoDeciding): Promise<ContactGroup> {
  const incomplete = [...inParts].filter(([, parts]) => parts.length < Math.max(...parts.map(({ part }) => part?.count ?? 0)));
  const rows = new Set(incomplete.map(([row]) => row));
  const [first] = incomplete[0]?.[1] ?? [];
  if (first === undefined) return [];
  const { contactId, subOrg } = first.note;
  const atHand = new Set([...inParts.values()].flatMap((parts) => parts.map(({ note }) => note.key)));
  const found: CreatedNote[] = [];
  for (let after: CreatedPosition = { contactId, subOrg, key: 0 as NoteKey }; ; ) {
    const page: readonly CreatedNote[] = await ledger.createdNotes(runId, { order: 'contact', after, limit: PAGE });
    const own = page.filter((note) => note.contactId === contactId && note.subOrg === subOrg);
    found.push(...own.filter(({ key, row }) => rows.has(row) && !atHand.has(key)));
    const last = own.at(-1);
    if (last === undefined || own.length < PAGE) return found;
    after = last;
  }
}

export type Step =
  | { readonly kind: 'leave'; readonly outcome: UndoneNote['outcome']; readonly message: string }
  /** `isListed`: it was there a moment ago. `isPart`: by its name, which is what was sent, one of several of its note. */
  | {
      readonly kind: 'remove';
      readonly memoryId: string;
      readonly isListed: boolean;
      readonly isPart: boolean;
      readonly remark: string;
    };

function decide(note: CreatedNote, presence: Presence | string, force: boolean): Step {
  const leave = (outcome: UndoneNote['outcome'], message: string): Step => ({ kind: 'leave', outcome, message });
  if (typeof presence === 'string') return leave('failed', `not deleted, since it can't be compared: ${presence}`);
  switch (presence.kind) {
    case 'match': {
      const { memory, otherIds, byContent } = presence;
      // Which of them was made for the note can't be told; the others may be somebody's.
      if (byContent && otherIds.length > 0)
        return leave('failed', `its id was never learnt, and several memories may be it: ${[memory.id, ...otherIds].join(', ')}`);
      return { kind: 'remove', memoryId: memory.id, isListed: true, isPart: partOf(memory.name) !== null, remark: copiesRemark(otherIds) };
    }
    case 'altered':
      if (force) return { kind: 'remove', memoryId: presence.memory.id, isListed: true, isPart: false, remark: 'it was altered since' };
      return leave('altered', "its name or text isn't what was sent: left alone (--force deletes it)");
    case 'missing':
      if (note.memoryId === null) return leave('gone', presence.message);
      return { kind: 'remove', memoryId: note.memoryId, isListed: false, isPart: false, remark: copiesRemark(presence.otherIds) };
    case 'unproven':
      if (force && note.memoryId !== null)
        return { kind: 'remove', memoryId: note.memoryId, isListed: false, isPart: false, remark: 'deleted without a comparison' };
      return leave('failed', `not deleted, since it can't be compared: ${presence.message}`);
    default:
      return assertNever(presence);
  }
}

function copiesRemark(otherIds: readonly string[]): string {
  return otherIds.length === 0 ? '' : `the same content is also there as ${otherIds.join(', ')}, which the ledger doesn't know: left alone`;
}
