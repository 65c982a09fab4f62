import { hash } from 'node:crypto';
import type { Database } from './database.js';
import { createFilter, type Filter } from './filter.js';
import type { LedgerFinding } from './finding.js';
import { readMark } from './marks.js';
import { contactHash } from './note-index.js';
import { savedFilter } from './saved-filter.js';
import { createSetDigest } from './set-digest.js';
import { prefixOf } from './tail.js';

/**
 * Every note against what leads to it: the two indexes, the saved filter, and that neither a fingerprint nor a memory stands twice.
 * Everything is read in the order in which it is stored, so that a ledger larger than memory takes minutes, not hours.
 */
export async function checkIndexes(database: Database, notes: number): Promise<readonly LedgerFinding[]> {
  const indexed = readMark(database, 'indexed_up_to');
  const saved = savedFilter(database);
  const filter = createFilter(saved.segments);
  const wanted = { fingerprints: createSetDigest(), contacts: createSetDigest() };
  const memories = createRepeats(notes);
  const tail = new Map<string, number>();
  const twice: (readonly [number, number])[] = [];
  let unknownToFilter = 0;
  let last = 0;

  await eachRow(database.prepare(NOTES).iterate(), (row) => {
    const key = Number(row.note_key);
    const fingerprint = hex(row.fingerprint);
    last = key;
    if (key <= indexed) {
      wanted.fingerprints.add(prefixOf(fingerprint), key);
      wanted.contacts.add(contactHash(String(row.contact_id)), key);
    } else if (tail.size < LONGEST_TAIL) {
      const before = tail.get(fingerprint) ?? indexedKey(database, fingerprint, indexed);
      if (before === undefined) tail.set(fingerprint, key);
      else twice.push([before, key]);
    }
    if (key <= saved.upTo && !filter.mayHave(fingerprint)) unknownToFilter++;
    if (row.memory_id !== null) memories.add(String(row.memory_id));
  });

  const found = { fingerprints: createSetDigest(), contacts: createSetDigest() };
  let group: number[] = [];
  let groupPrefix = -1;
  await eachRow(database.prepare(BY_FINGERPRINT).iterate(), (row) => {
    const [prefix, key] = [Number(row.prefix), Number(row.note_key)];
    if (key > indexed) return;
    found.fingerprints.add(prefix, key);
    if (prefix !== groupPrefix) {
      if (group.length > 1) twice.push(...samePairs(database, group));
      [group, groupPrefix] = [[], prefix];
    }
    group.push(key);
  });
  if (group.length > 1) twice.push(...samePairs(database, group));
  await eachRow(database.prepare(BY_CONTACT).iterate(), (row) => {
    const key = Number(row.note_key);
    if (key <= indexed) found.contacts.add(Number(row.contact_hash), key);
  });

  const findings: LedgerFinding[] = [];
  if (indexed > last || !wanted.fingerprints.equals(found.fingerprints) || !wanted.contacts.equals(found.contacts))
    findings.push(incomplete(wanted, found));
  if (!saved.isIntact && saved.wasSaved) findings.push(FILTER_DAMAGED);
  if (unknownToFilter > 0) findings.push(filterIncomplete(unknownToFilter));
  if (twice.length > 0) findings.push(fingerprintsTwice(twice));
  findings.push(...(await memoriesTwice(database, memories)));
  return findings;
}

const NOTES = 'SELECT note_key, fingerprint, contact_id, memory_id FROM note ORDER BY note_key';
const BY_FINGERPRINT = 'SELECT prefix, note_key FROM indexed_by_fingerprint ORDER BY prefix, note_key';
const BY_CONTACT = 'SELECT contact_hash, note_key FROM indexed_by_contact';
const SAME_PREFIX =
  'SELECT note.note_key, note.fingerprint FROM indexed_by_fingerprint JOIN note USING (note_key) WHERE prefix = ? AND note_key <= ?';
const FINGERPRINT_OF = 'SELECT fingerprint FROM note WHERE note_key = ?';
const MEMORY_IDS = 'SELECT memory_id FROM note WHERE memory_id IS NOT NULL';
/** More notes than this behind the index's mark are a finding of their own, and aren't held in memory. */
const LONGEST_TAIL = 300_000;
const ROWS_IN_A_BREATH = 5000;

type Row = Record<string, unknown>;

/** Signals and timers have their turn between. */
async function eachRow(rows: Iterable<Row>, use: (row: Row) => void): Promise<void> {
  let left = ROWS_IN_A_BREATH;
  for (const row of rows) {
    use(row);
    if (--left > 0) continue;
    left = ROWS_IN_A_BREATH;
    await new Promise(setImmediate);
  }
}

function indexedKey(database: Database, fingerprint: string, upTo: number): number | undefined {
  const rows = database.prepare(SAME_PREFIX).all(prefixOf(fingerprint), upTo);
  const same = rows.find((row) => hex(row.fingerprint) === fingerprint);
  return same === undefined ? undefined : Number(same.note_key);
}

/** Of notes with the same beginning of their fingerprints, those that have the whole in common. */
function samePairs(database: Database, keys: readonly number[]): (readonly [number, number])[] {
  const first = new Map<string, number>();
  return keys.flatMap((key) => {
    const row = database.prepare(FINGERPRINT_OF).get(key);
    if (row === undefined) return []; // an entry without its note: the digests differ by it
    const fingerprint = hex(row.fingerprint);
    const before = first.get(fingerprint);
    if (before === undefined) first.set(fingerprint, key);
    return before === undefined ? [] : [[before, key] as const];
  });
}

interface Repeats {
  add(text: string): void;
  /** Hashes of texts that were perhaps added more than once. */
  readonly suspects: ReadonlySet<string>;
}

/** One in a hundred is a suspect by chance: these are counted exactly by a second reading. */
function createRepeats(expected: number): Repeats {
  const capacity = Math.max(1024, expected);
  const filter: Filter = createFilter([{ capacity, bits: new Uint8Array(Math.ceil((capacity * 12) / 8)), count: 0 }]);
  const suspects = new Set<string>();
  return {
    suspects,
    add(text) {
      const key = hash('sha256', text);
      if (filter.mayHave(key)) suspects.add(key);
      else filter.add(key);
    },
  };
}

async function memoriesTwice(database: Database, { suspects }: Repeats): Promise<readonly LedgerFinding[]> {
  if (suspects.size === 0) return [];
  const seen = new Set<string>();
  const ids: string[] = [];
  let surplus = 0;
  await eachRow(database.prepare(MEMORY_IDS).iterate(), (row) => {
    const id = String(row.memory_id);
    const key = hash('sha256', id);
    if (!suspects.has(key)) return;
    if (!seen.has(key)) seen.add(key);
    else if (++surplus <= SHOWN) ids.push(id);
  });
  if (surplus === 0) return [];
  return [
    {
      code: 'memory_twice',
      message: `${counted(surplus, 'memory stands', 'memories stand')} for more than one note: ${ids.join(', ')}${surplus > SHOWN ? ' …' : ''}`,
      advice:
        "Look at these contacts in Callers: a note of theirs may be missing there. 'memory-import ledger export' has the rows of these memories.",
    },
  ];
}

const SHOWN = 3;
const ANEW = "Run 'memory-import ledger compact', which builds it anew from the notes, before the next import.";

function incomplete(
  wanted: { readonly fingerprints: { readonly count: number }; readonly contacts: { readonly count: number } },
  found: typeof wanted,
): LedgerFinding {
  const of = `${found.fingerprints.count} and ${found.contacts.count} of ${wanted.fingerprints.count} notes`;
  return {
    code: 'index_incomplete',
    message: `the index doesn't lead to the notes that it should lead to (by fingerprint and by contact it has ${of}); a note that it misses would be created again`,
    advice: ANEW,
  };
}

const FILTER_DAMAGED: LedgerFinding = {
  code: 'filter_damaged',
  message: "the saved filter isn't what was saved; it isn't used, and each opening builds it anew from every note",
  advice: ANEW,
};

function filterIncomplete(notes: number): LedgerFinding {
  return {
    code: 'filter_incomplete',
    message: `the filter calls ${counted(notes, 'note', 'notes')} unknown; they would be created again`,
    advice: ANEW,
  };
}

function fingerprintsTwice(pairs: readonly (readonly [number, number])[]): LedgerFinding {
  const shown = pairs.slice(0, SHOWN).map(([first, second]) => `notes ${first} and ${second}`);
  return {
    code: 'fingerprint_twice',
    message: `${counted(pairs.length, 'note stands', 'notes stand')} twice: ${shown.join(', ')}${pairs.length > SHOWN ? ' …' : ''}`,
    advice:
      "Two runs have written at once. Look in 'memory-import ledger export' for these fingerprints, and in Callers for their memories: there may be copies.",
  };
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function hex(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('hex');
}
