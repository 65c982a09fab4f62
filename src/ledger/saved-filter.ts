import { createHash } from 'node:crypto';
import type { Database } from './database.js';
import { createFilter, type Filter, type FilterSegment } from './filter.js';
import { markValue, readMark, writeMark } from './marks.js';

/** The saved filter is true up to a key; what came later is added from the notes themselves. */
export function loadFilter(database: Database): { readonly filter: Filter; readonly savedSegments: number; readonly filterUpTo: number } {
  const { segments, upTo: filterUpTo } = savedFilter(database);
  const filter = createFilter(segments);
  const savedSegments = fullSegments(filter);
  for (const row of database.prepare(NOTES_ABOVE).iterate(filterUpTo))
    filter.add(Buffer.from(row.fingerprint as Uint8Array).toString('hex'));
  return { filter, savedSegments, filterUpTo };
}

/** The filter as it was saved, and the key up to which it is true; nothing, up to 0, where it isn't intact. */
export function savedFilter(database: Database): {
  readonly segments: readonly FilterSegment[];
  readonly upTo: number;
  readonly isIntact: boolean;
  /** False in a ledger whose first run hasn't come so far. */
  readonly wasSaved: boolean;
} {
  const segments: FilterSegment[] = [];
  // One at a time, and not copied: of ten million notes they are 20 MB.
  for (const row of database.prepare(SAVED_SEGMENTS).iterate())
    segments.push({ capacity: Number(row.capacity), count: Number(row.count), bits: row.bits as Uint8Array }); // the column's BLOB
  // SQLite doesn't notice a bit that has flipped, and here it would call a note unknown that was created.
  const saved = markValue(database, 'filter_checksum');
  const isIntact = checksum(segments) === saved;
  return {
    segments: isIntact ? segments : [],
    upTo: isIntact ? readMark(database, 'filter_up_to') : 0,
    isIntact,
    wasSaved: saved !== undefined,
  };
}

/** @param saving.savedSegments so many full segments stand there already: they never change, and are written once */
export function saveFilter(saving: {
  readonly database: Database;
  readonly filter: Filter;
  readonly upTo: number;
  readonly savedSegments: number;
}) {
  const { database, filter, upTo, savedSegments } = saving;
  const statement = database.prepare(SAVE_SEGMENT);
  filter.segments.forEach((segment, position) => {
    if (position >= savedSegments) statement.run(position, segment.capacity, segment.count, segment.bits);
  });
  // The driver keeps a copy of what a statement was given last, and of ten million notes that is 10 MB: this saves nothing, and takes its place.
  statement.run(NOWHERE, 0, 0, new Uint8Array());
  writeMark(database, 'filter_up_to', upTo);
  writeMark(database, 'filter_checksum', checksum(filter.segments));
}

export function fullSegments(filter: Filter): number {
  return filter.segments.filter(({ count, capacity }) => count >= capacity).length;
}

function checksum(segments: readonly FilterSegment[]): string {
  const hash = createHash('sha256');
  for (const { capacity, count, bits } of segments) hash.update(`${capacity} ${count} `).update(bits);
  return hash.digest('hex');
}

const SAVED_SEGMENTS = 'SELECT capacity, count, bits FROM filter_segment ORDER BY position';
const NOWHERE = -1;
const SAVE_SEGMENT = `INSERT INTO filter_segment (position, capacity, count, bits) SELECT ?1, ?2, ?3, ?4 WHERE ?1 > ${NOWHERE}
  ON CONFLICT (position) DO UPDATE SET capacity = excluded.capacity, count = excluded.count, bits = excluded.bits`;
const NOTES_ABOVE = 'SELECT fingerprint FROM note WHERE note_key > ? ORDER BY note_key';
