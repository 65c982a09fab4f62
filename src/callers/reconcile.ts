import type { ContactKnowledge } from '../ledger/ledger.js';
import type { ListedMemory } from './api.js';

/**
 * Was the note created? The one place where a mistake makes a duplicate, so the rules are exact; the README has them in words ("Retries
 * and pace").
 *
 * Pure: what to ask, when to ask again and how long absence isn't believed is the business of `dispatch/look.ts`.
 */
export function judge(question: Question): Judgement {
  const { memories, note, known, pages, hashOf } = question;
  const youngerThan = note.claimedAt + (note.skewMs ?? 0) - CLOCK_TOLERANCE_MS;
  const matches = memories.filter((memory) => !known.memoryIds.has(memory.id) && hashOf(memory.name, memory.text) === note.sentHash);
  const young = matches.filter((memory) => memory.createdAt !== null && memory.createdAt >= youngerThan).sort(byTime);
  // One memory answers for one row, also where that row never learnt its memory's id.
  const ours = young.slice(known.unidentified.filter((hash) => hash === note.sentHash).length);
  const strangers = known.unidentified.filter((hash) => hash === UNKNOWN_HASH).length;
  if (ours.length > 0 && ours.length <= strangers) {
    return {
      kind: 'unproven',
      why: "the list shows such a note that may be another one's, which was rebuilt without its id",
      mayBePage: false,
    };
  }
  if (ours[0] !== undefined) return { kind: 'present', memory: ours[0], surplus: ours.slice(1) };
  if (matches.some((memory) => memory.createdAt === null)) {
    return {
      kind: 'unproven',
      why: 'the list shows such a note without the time of its creation, so it may be an older one',
      mayBePage: false,
    };
  }
  if (
    matches.some(
      (memory) => memory.createdAt !== null && memory.createdAt < youngerThan && memory.createdAt >= youngerThan - CLOCK_TROUBLE_MS,
    )
  ) {
    return {
      kind: 'unproven',
      why: 'the list shows such a note that seems to be a little older than ours; a clock may have been wrong',
      mayBePage: false,
    };
  }
  if (matches.length > young.length && note.skewMs === null) {
    return {
      kind: 'unproven',
      why: "the list shows such a note that seems to be older, but how far the clock of its claim was from the server's isn't known",
      mayBePage: false,
    };
  }
  if (known.newest !== null && !memories.some((memory) => memory.id === known.newest)) {
    return { kind: 'unproven', why: `the list doesn't show memory ${known.newest}, which must be there`, mayBePage: false };
  }
  if (pages.isSuspect(memories.length)) {
    return { kind: 'unproven', why: `the list has exactly ${memories.length} memories, which may be one page of more`, mayBePage: true };
  }
  return { kind: 'absent' };
}

export interface Question {
  readonly memories: readonly ListedMemory[];
  readonly note: {
    readonly sentHash: string;
    /** Epoch ms of the claim's clock: no request of it left before. */
    readonly claimedAt: number;
    /** How far the server's clock was ahead of that clock; null: unknown. */
    readonly skewMs: number | null;
  };
  readonly known: ContactKnowledge;
  readonly pages: PageSense;
  /** The same canonical hash of name and text by which `sentHash` was made. */
  readonly hashOf: (name: string, text: string) => string;
}

export type Judgement =
  /** `surplus`: more memories of this note than the one that counts. */
  | { readonly kind: 'present'; readonly memory: ListedMemory; readonly surplus: readonly ListedMemory[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unproven'; readonly why: string; readonly mayBePage: boolean };

/** The ledger doesn't know what was sent: see `Witness` in `ledger/ledger.ts`. */
const UNKNOWN_HASH = '';

/** `Date` headers have whole seconds. */
const CLOCK_TOLERANCE_MS = 2000;
/** What is so little older than the claim, and unknown to the ledger, is hardly somebody else's: nothing is sent over it. */
const CLOCK_TROUBLE_MS = 5 * 60_000;

const USUAL_PAGE_SIZES: ReadonlySet<number> = new Set([10, 20, 25, 50, 100, 200, 250, 500, 1000]);

/** A list as long as a usual page may be cut off there, until this server has shown a longer one. */
export interface PageSense {
  saw(length: number): void;
  isSuspect(length: number): boolean;
}

export function createPageSense(): PageSense {
  let longest = 0;
  return {
    saw(length) {
      longest = Math.max(longest, length);
    },
    isSuspect: (length) => USUAL_PAGE_SIZES.has(length) && length >= longest,
  };
}

function byTime(a: ListedMemory, b: ListedMemory): number {
  return (a.createdAt ?? 0) - (b.createdAt ?? 0);
}
