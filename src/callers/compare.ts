import type { ListedMemory } from './api.js';

/** A note that was created, to be found in its contact's list. */
export interface SoughtNote {
  /** Empty: not known, as in a rebuilt ledger. Then its memory is known by its id alone. */
  readonly sentHash: string;
  /** null: its id was never learnt, so it is known by its content and by the time after which it was made. */
  readonly memoryId: string | null;
  /** Epoch ms, our clock then: no request of it left before. */
  readonly claimedAt: number;
  readonly skewMs: number | null;
}

export type Presence =
  /** `otherIds`: further memories with the same content that answer for no other note. `byContent`: its id wasn't known. */
  | {
      readonly kind: 'match';
      readonly memory: ListedMemory;
      readonly otherIds: readonly string[];
      readonly byContent: boolean;
    }
  | { readonly kind: 'altered'; readonly memory: ListedMemory }
  /** `otherIds`: its own memory isn't there, and the same content is under these ids. */
  | { readonly kind: 'missing'; readonly otherIds: readonly string[]; readonly message: string }
  | { readonly kind: 'unproven'; readonly message: string };

export interface Comparison {
  /** Of one contact and sub organization. */
  readonly notes: readonly SoughtNote[];
  readonly memories: readonly ListedMemory[];
  /** What the ledger knows of the contact; asked only where the list has such a content under an id that is none of the notes'. */
  readonly known: () => Promise<{ readonly memoryIds: ReadonlySet<string>; readonly unidentified: readonly string[] }>;
  /** A list of this length may be one page of more: absence isn't believed. */
  readonly mayBePage: boolean;
  readonly hashOf: (name: string, text: string) => string;
  readonly isDeleted: (memory: ListedMemory) => boolean;
}

/**
 * Is each note there, as it was sent? By hash, since the ledger keeps no text; trimming, NFC and line ends make no difference. Copies are
 * counted: a memory that answers for another note of the ledger, in this run or not, is nobody's copy.
 * @returns one for each note, in their order
 */
export async function compareContact(comparison: Comparison): Promise<readonly Presence[]> {
  const { notes, memories, mayBePage, hashOf, isDeleted } = comparison;
  const sought = new Set(notes.map((note) => note.sentHash));
  const ownIds = new Set(notes.map((note) => note.memoryId));
  const byId = new Map<string, { readonly memory: ListedMemory; readonly hash: string }>();
  /** Such contents under other ids. */
  const strangers = new Map<string, ListedMemory[]>();
  for (const memory of memories) {
    const hash = hashOf(memory.name, memory.text);
    if (ownIds.has(memory.id)) byId.set(memory.id, { memory, hash });
    else if (sought.has(hash) && !isDeleted(memory)) addTo(strangers, hash, memory);
  }
  const free = strangers.size === 0 ? strangers : await withoutKnown(strangers, comparison);

  const found = notes.map((note): Presence | null => {
    if (note.memoryId !== null) return null;
    const memory = takeYoung(free.get(note.sentHash) ?? [], note);
    return memory === null ? absent(note, free, mayBePage) : { kind: 'match', memory, otherIds: [], byContent: true };
  });
  return notes.map((note, i): Presence => {
    const listed = note.memoryId === null ? undefined : byId.get(note.memoryId);
    const presence = found[i] ?? (listed === undefined ? absent(note, free, mayBePage) : compareListed(note, listed));
    // The first of several identical notes is told of the copies.
    return presence.kind === 'match' ? { ...presence, otherIds: takeAll(free, note.sentHash) } : presence;
  });

  function compareListed(note: SoughtNote, { memory, hash }: { readonly memory: ListedMemory; readonly hash: string }): Presence {
    if (isDeleted(memory)) return { kind: 'missing', otherIds: takeAll(free, note.sentHash), message: 'deleted in the API' };
    if (note.sentHash !== '' && hash !== note.sentHash) return { kind: 'altered', memory };
    return { kind: 'match', memory, otherIds: [], byContent: false };
  }
}

/** Leaves out what the ledger knows to be another note's, by its id, or by being one of as many as have no id. */
async function withoutKnown(
  strangers: ReadonlyMap<string, readonly ListedMemory[]>,
  { notes, known }: Comparison,
): Promise<Map<string, ListedMemory[]>> {
  const { memoryIds, unidentified } = await known();
  const free = new Map<string, ListedMemory[]>();
  for (const [hash, memories] of strangers) {
    const ours = notes.filter((note) => note.memoryId === null && note.sentHash === hash).length;
    // One whose content isn't known may be any of them.
    const others = Math.max(0, unidentified.filter((one) => one === hash || one === '').length - ours);
    const unknown = memories.filter(({ id }) => !memoryIds.has(id)).sort((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0));
    free.set(hash, unknown.slice(0, unknown.length - others));
  }
  return free;
}

/** The oldest that can be the note's: what was there before its claim was made by somebody else. */
function takeYoung(memories: ListedMemory[], note: SoughtNote): ListedMemory | null {
  const youngerThan = note.claimedAt + (note.skewMs ?? 0) - CLOCK_TOLERANCE_MS;
  const place = memories.findIndex(({ createdAt }) => createdAt !== null && createdAt >= youngerThan);
  return place < 0 ? null : (memories.splice(place, 1)[0] ?? null);
}

/** `Date` headers have whole seconds. */
const CLOCK_TOLERANCE_MS = 2000;

function absent(note: SoughtNote, free: Map<string, ListedMemory[]>, mayBePage: boolean): Presence {
  const copies = free.get(note.sentHash)?.length ?? 0;
  if (mayBePage && copies === 0)
    return { kind: 'unproven', message: "not in the list, whose length is a usual page's: there may be more than it shows" };
  if (note.memoryId !== null) {
    const otherIds = takeAll(free, note.sentHash);
    const message = otherIds.length === 0 ? 'not in the list' : 'its own memory is not in the list; the same content is, under another id';
    return { kind: 'missing', otherIds, message };
  }
  if (note.sentHash === '') return { kind: 'unproven', message: 'neither its id nor what was sent is known: the ledger was rebuilt' };
  if (copies === 0) return { kind: 'missing', otherIds: [], message: 'its id was never learnt, and the list has no such content' };
  return {
    kind: 'unproven',
    message: 'its id was never learnt; the list has such a content, but nothing says that it is the one that was sent',
  };
}

function takeAll(free: Map<string, ListedMemory[]>, hash: string): readonly string[] {
  const ids = (free.get(hash) ?? []).map(({ id }) => id);
  free.delete(hash);
  return ids;
}

function addTo(groups: Map<string, ListedMemory[]>, hash: string, memory: ListedMemory): void {
  const group = groups.get(hash);
  if (group === undefined) groups.set(hash, [memory]);
  else group.push(memory);
}
