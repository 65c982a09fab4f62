import type { NoteKey } from '../model.js';

/**
 * Remembers, for notes that earlier runs imported, in which row of this run each was met first: the second row that is the same note is
 * then a duplicate. Four bytes a note, in pages that exist only where notes were met.
 */
export interface FirstSeen {
  /** The ordinal (from 1, over all inputs) at which the note was met before; null, and remembered, the first time. */
  meet(key: NoteKey, ordinal: number): number | null;
  has(key: NoteKey): boolean;
}

const PAGE = 4096;

export function createFirstSeen(): FirstSeen {
  const pages = new Map<number, Uint32Array>();
  return {
    meet(key, ordinal) {
      const pageNumber = Math.floor(key / PAGE);
      let page = pages.get(pageNumber);
      if (page === undefined) {
        page = new Uint32Array(PAGE);
        pages.set(pageNumber, page);
      }
      const slot = key % PAGE;
      const before = page[slot]!;
      if (before !== 0) return before;
      page[slot] = ordinal;
      return null;
    },
    has: (key) => (pages.get(Math.floor(key / PAGE))?.[key % PAGE] ?? 0) !== 0,
  };
}
