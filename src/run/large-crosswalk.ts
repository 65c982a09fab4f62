import { StoppedError } from '../errors.js';
import { type Database, openDatabase } from '../ledger/database.js';
import { describe } from '../ledger/database-error.js';
import { type BoundedCrosswalk, type CallersContact, type Crosswalk, createCrosswalk } from '../map/crosswalk.js';
import { recordIdOf } from '../map/record-id.js';

/** A crosswalk that may hold a file. */
export interface LargeCrosswalk extends Crosswalk {
  /** How many of its ids lie on disk. */
  readonly onDisk: number;
  close(): void;
}

/** Some nine million ids. */
const MEMORY_BYTES = 768 * 1024 * 1024;

/**
 * What fits into so much memory lies there, and what comes after it in a temporary SQLite file: the memory is bounded, however long the
 * list. An id is looked up in some microseconds here and there.
 * @throws StoppedError from `add` and `find` where that file can't be made, written or read
 */
export function createLargeCrosswalk(memoryBytes = MEMORY_BYTES): LargeCrosswalk {
  const inMemory: BoundedCrosswalk = createCrosswalk(memoryBytes);
  let rest: ReturnType<typeof createCrosswalkOnDisk> | null = null;
  return {
    get size() {
      return inMemory.size + (rest?.size ?? 0);
    },
    get onDisk() {
      return rest?.size ?? 0;
    },
    find: (crmId) => inMemory.find(crmId) ?? rest?.find(crmId) ?? null,
    add(crmId, contact, line) {
      const answer = inMemory.add(crmId, contact, line);
      if (answer !== 'full') return answer;
      rest ??= createCrosswalkOnDisk();
      return rest.add(crmId, contact, line);
    },
    close() {
      rest?.close();
      rest = null;
    },
  };
}

/**
 * A database without a name: SQLite makes its file only once the cache is full, in the system's folder for temporary files (`SQLITE_TMPDIR`,
 * `TMPDIR`, /var/tmp, /tmp), for this user alone, and takes its name away at once. So nothing is left behind, not even by `kill -9`.
 */
function createCrosswalkOnDisk(): Crosswalk & { close(): void } {
  let size = 0;
  const database: Database = told(() => {
    const opened = openDatabase('', { readOnly: false, busyMs: 0 });
    opened.exec(PRAGMAS);
    opened.exec(TABLE);
    // Ended by nobody: whatever goes wrong, the file is of no use any more.
    opened.exec('BEGIN');
    return opened;
  });
  const sql = { add: database.prepare(ADD), find: database.prepare(FIND) };

  const entryOf = (key: string): { readonly contact: CallersContact; readonly line: number } | null => {
    const row = told(() => sql.find.get(key));
    if (row === undefined) return null;
    const subOrg = row.sub_org === null ? null : String(row.sub_org);
    return { contact: { contactId: String(row.contact_id), subOrg }, line: Number(row.line) };
  };

  return {
    get size() {
      return size;
    },
    find: (crmId) => entryOf(recordIdOf(crmId))?.contact ?? null,
    add(crmId, contact, line) {
      const key = recordIdOf(crmId);
      const { changes } = told(() => sql.add.run(key, contact.contactId, contact.subOrg, line));
      if (Number(changes) === 1) {
        size++;
        return null;
      }
      const before = entryOf(key);
      const isSame = before?.contact.contactId === contact.contactId && before.contact.subOrg === contact.subOrg;
      return isSame ? null : (before?.line ?? null);
    },
    close: () => database.close(),
  };
}

// What it holds can be read again from the list: no log, no waiting for the disk.
const PRAGMAS = `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536`;
const TABLE = `CREATE TABLE contact
  (crm_id TEXT PRIMARY KEY, contact_id TEXT NOT NULL, sub_org TEXT, line INTEGER NOT NULL) STRICT, WITHOUT ROWID`;
const ADD = 'INSERT INTO contact (crm_id, contact_id, sub_org, line) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
const FIND = 'SELECT contact_id, sub_org, line FROM contact WHERE crm_id = ?';

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = `The list of contacts (--contacts) is too long for memory, and its rest can't be kept in the folder for temporary files: ${describe(error)}. Make room there, or name another folder by the environment variable TMPDIR.`;
    throw new StoppedError('input_changed', message, true, { cause: error });
  }
}
