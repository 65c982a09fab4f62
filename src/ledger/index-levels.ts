import type { Database } from './database.js';
import { readMark, writeMark } from './marks.js';

/**
 * The index on disk, by fingerprint and by contact, each in two levels: new entries go into a small table, and from there, in the order of
 * their hashes, into a large one. A hash lies anywhere: of a large table each entry that is added by itself reads and writes a page of its
 * own. Entries that waited in the small table share pages. An entry is in exactly one level, since it moves in one transaction.
 */
export interface IndexLevels {
  /** In a transaction. Sorted pairs of hash and key, as many of both. @returns what is to be called after the commit, and not without it */
  add(byFingerprint: readonly Pair[], byContact: readonly Pair[]): () => void;
  /** As `add`: moves entries on where the small level is full. @param arrived so many notes came since the last commit that did so */
  merge(arrived: number): () => void;
}

export type Pair = readonly [hash: number, key: number];

export interface LevelSizes {
  /** So many entries are left to the small level. */
  readonly recent: number;
  /** So many entries are moved at once, or twice as many as came. */
  readonly slice: number;
}

/**
 * Of a tail of 16,000 notes ten share a page of the small level, and of what leaves it, four or five share one of ten million. A larger small level
 * would take from the first what it gives to the second.
 */
export const LEVEL_SIZES: LevelSizes = { recent: 1 << 18, slice: 256 };

/** Pairs of one statement: half the time of statements with a pair each. */
const PAIRS = 64;
const ALL_PAIRS = Array(PAIRS).fill('(?, ?)').join(', ');

export function openIndexLevels(database: Database, sizes: LevelSizes): IndexLevels {
  const byFingerprint = openIndex(database, { recent: 'recent_by_fingerprint', large: 'note_by_fingerprint', hash: 'prefix' });
  const byContact = openIndex(database, { recent: 'recent_by_contact', large: 'note_by_contact', hash: 'contact_hash' });
  return {
    add(fingerprints, contacts) {
      const afterCommit = [byFingerprint.add(fingerprints), byContact.add(contacts)];
      return () => callAll(afterCommit);
    },
    merge(arrived) {
      const due = [byFingerprint, byContact].filter((index) => index.size() > sizes.recent);
      const afterCommit = due.map((index) => index.merge(Math.max(sizes.slice, 2 * arrived)));
      return () => callAll(afterCommit);
    },
  };
}

interface IndexNames {
  readonly recent: string;
  readonly large: string;
  readonly hash: string;
}

function openIndex(database: Database, names: IndexNames) {
  const sql = statementsOf(names);
  // Kept, so that a ledger of short runs comes all the way round, too.
  const mark = `${names.large}_merged_to`;
  /** The large level has taken what is up to there, this time round. */
  let mergedTo: Pair = [readMark(database, mark), 0];
  let size = Number(database.prepare(sql.count).get()?.entries);

  return {
    size: () => size,
    add(pairs: readonly Pair[]) {
      let added = 0;
      for (let from = 0; from < pairs.length; from += PAIRS) {
        const some = pairs.slice(from, from + PAIRS);
        if (some.length === PAIRS) added += Number(database.prepare(sql.insertAll).run(...some.flat()).changes);
        else for (const pair of some) added += Number(database.prepare(sql.insert).run(...pair).changes);
      }
      return () => {
        size += added;
      };
    },
    merge(entries: number) {
      const last = database.prepare(sql.last).get(...mergedTo, entries - 1);
      const upTo: Pair = last === undefined ? ABOVE_ALL : [Number(last.hash), Number(last.note_key)];
      database.prepare(sql.copy).run(...mergedTo, ...upTo);
      const moved = Number(database.prepare(sql.remove).run(...mergedTo, ...upTo).changes);
      const next = last === undefined ? BELOW_ALL : upTo;
      writeMark(database, mark, next[0]);
      return () => {
        mergedTo = next;
        size -= moved;
      };
    },
  };
}

/** Hashes have 52 bits, and keys begin at 1. */
const BELOW_ALL: Pair = [0, 0];
const ABOVE_ALL: Pair = [2 ** 52, 0];

function statementsOf({ recent, large, hash }: IndexNames) {
  const insert = `INSERT OR IGNORE INTO ${recent} (${hash}, note_key) VALUES`;
  const between = `(${hash}, note_key) > (?1, ?2) AND (${hash}, note_key) <= (?3, ?4)`;
  return {
    count: `SELECT count(*) AS entries FROM ${recent}`,
    insert: `${insert} (?, ?)`,
    insertAll: `${insert} ${ALL_PAIRS}`,
    last: `SELECT ${hash} AS hash, note_key FROM ${recent} WHERE (${hash}, note_key) > (?, ?) ORDER BY ${hash}, note_key LIMIT 1 OFFSET ?`,
    copy: `INSERT OR IGNORE INTO ${large} (${hash}, note_key) SELECT ${hash}, note_key FROM ${recent} WHERE ${between} ORDER BY ${hash}, note_key`,
    remove: `DELETE FROM ${recent} WHERE ${between}`,
  };
}

function callAll(functions: readonly (() => void)[]): void {
  for (const one of functions) one();
}
