import type { NoteKey } from '../model.js';

/**
 * Remembers, of notes by their keys, in which row of this run each was met first: the second row that is the same note is then a duplicate.
 * Notes that stand one after the other in the ledger mostly do so in the input, too: two bytes a note, in pages that exist only where notes
 * were met, and four in pages whose rows lie further apart.
 */
export interface FirstSeen {
  /** The ordinal (from 1, over all inputs) at which the note was met before; null, and remembered, the first time. */
  meet(key: NoteKey, ordinal: number): number | null;
  has(key: NoteKey): boolean;
}

/** Empty slots hold 0. */
interface Page {
  /** What the slots are counted from: of a wide page 0. */
  readonly base: number;
  readonly slots: Uint16Array | Uint32Array;
}

const PAGE = 4096;
const MOST_NARROW = 0xffff;
const HALF_NARROW = 0x8000;

export function createFirstSeen(): FirstSeen {
  const pages = new Map<number, Page>();

  const find = (key: NoteKey): number | null => {
    const page = pages.get(Math.floor(key / PAGE));
    const slot = page?.slots[key % PAGE] ?? 0;
    return page === undefined || slot === 0 ? null : page.base + slot;
  };

  return {
    meet(key, ordinal) {
      const before = find(key);
      if (before !== null) return before;
      const pageNumber = Math.floor(key / PAGE);
      // Room on both sides: claims overtake each other.
      let page = pages.get(pageNumber) ?? { base: Math.max(0, ordinal - HALF_NARROW), slots: new Uint16Array(PAGE) };
      const fits = page.slots instanceof Uint32Array || (ordinal > page.base && ordinal - page.base <= MOST_NARROW);
      if (!fits) page = widened(page);
      pages.set(pageNumber, page);
      page.slots[key % PAGE] = ordinal - page.base;
      return null;
    },
    has: (key) => find(key) !== null,
  };
}

function widened({ base, slots }: Page): Page {
  return { base: 0, slots: Uint32Array.from(slots, (slot) => (slot === 0 ? 0 : base + slot)) };
}
