import type { Database } from './database.js';
import type { LearntContact } from './ledger.js';

/** Which contact an address by phone number means. */
export interface LearntContacts {
  learn(contact: LearntContact): void;
  contactOf(address: string): string | null;
  /** By what else the notes of this contact may name it. */
  otherNames(contactId: string): readonly string[];
}

export function createLearntContacts(database: Database): LearntContacts {
  // Opened to read, a ledger of an earlier version has no such table.
  const isThere = database.prepare(HAS_TABLE).get()?.found === 1;
  if (!isThere) return { learn: () => {}, contactOf: () => null, otherNames: () => [] };
  const sql = { learn: database.prepare(LEARN), contactOf: database.prepare(CONTACT_OF), names: database.prepare(OTHER_NAMES) };
  return {
    learn({ address, contactId }) {
      sql.learn.run(address, contactId);
    },
    contactOf(address) {
      const row = sql.contactOf.get(address);
      return row === undefined ? null : String(row.contact_id);
    },
    otherNames: (contactId) => sql.names.all(contactId, contactId).map(({ name }) => String(name)),
  };
}

const HAS_TABLE = `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'learnt_contact') AS found`;
const LEARN =
  'INSERT INTO learnt_contact (address, contact_id) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET contact_id = excluded.contact_id';
const CONTACT_OF = 'SELECT contact_id FROM learnt_contact WHERE address = ?';
const OTHER_NAMES = `SELECT address AS name FROM learnt_contact WHERE contact_id = ?
  UNION ALL SELECT contact_id FROM learnt_contact WHERE address = ?`;
