import type { SourceRecord } from '../model.js';

/** Tells ids of digits that lost their leading zeros, where that can be told. */
export interface IdWidths {
  add(id: string, source: SourceRecord): void;
  /** null: nothing was lost, or nobody can know. */
  shortened(): { readonly first: SourceRecord; readonly count: number; readonly width: number; readonly length: number } | null;
}

/** So many ids must begin with 0. */
const FEWEST_PADDED = 3;

/**
 * Numbers of any length are no evidence: 1 to 1,000 are ids too. But where ids are padded (some begin with 0, all of these are of one
 * width, no id is longer, and nearly all are of that width), shorter ones have lost their zeros.
 */
export function createIdWidths(): IdWidths {
  const padded = new Set<string>();
  const widths = new Map<number, { count: number; first: SourceRecord }>();
  let count = 0;
  return {
    add(id, source) {
      if (!/^\d+$/.test(id)) return;
      count++;
      if (id.length > 1 && id.startsWith('0')) padded.add(id);
      const known = widths.get(id.length);
      if (known === undefined) widths.set(id.length, { count: 1, first: source });
      else known.count++;
    },
    shortened() {
      const width = Math.max(0, ...widths.keys());
      const shorter = [...widths].filter(([length]) => length < width);
      if (padded.size < FEWEST_PADDED || shorter.length === 0) return null;
      if ([...padded].some(({ length }) => length !== width)) return null;
      const inFull = widths.get(width)?.count ?? 0;
      if (inFull < count * 0.6) return null;
      const [length, { first }] = shorter.reduce((a, b) => (a[1].first.row <= b[1].first.row ? a : b));
      return { first, count: shorter.reduce((sum, [, { count }]) => sum + count, 0), width, length };
    },
  };
}
