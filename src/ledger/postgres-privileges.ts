import { UserError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { Session } from './postgres-session.js';

/**
 * Asks for what a role needs to write a ledger that is there, before anything is sent: what is missing would else be found out by the first
 * note that is claimed, or by the first undo.
 * @throws UserError that says what to grant
 */
export async function checkPrivileges(session: Session, address: LedgerAddress): Promise<void> {
  const missing = await session.query(MISSING, [JSON.stringify(NEEDED)]);
  if (missing.length === 0) return;
  const grants = missing.map(({ role, privileges, place }) => `GRANT ${privileges} ON ${place} TO ${role};`);
  throw new UserError(
    `The ledger ${address.ledger} can't be written: this role lacks privileges. Nothing was sent. Let the owner of its schema say: ${grants.join(' ')}`,
  );
}

const WRITTEN = ['SELECT', 'INSERT', 'UPDATE'];
const NEEDED = [
  ...['meta', 'owner', 'run', 'note', 'learnt_contact'].map((relation) => ({ relation, privileges: WRITTEN })),
  ...['failure', 'undo_window', 'distribution', 'chunk', 'told', 'lesson', 'pace', 'worker'].map((relation) => ({
    relation,
    privileges: [...WRITTEN, 'DELETE'],
  })),
  // Those of identity columns come with their tables.
  { relation: 'note_key', privileges: ['USAGE'] },
];

// What isn't there yet is no privilege's business.
const MISSING = `SELECT quote_ident(current_user) AS role, 'USAGE' AS privileges, 'SCHEMA memory_import' AS place, 0 AS position
  FROM pg_namespace WHERE nspname = 'memory_import' AND NOT has_schema_privilege(oid, 'USAGE')
  UNION ALL SELECT quote_ident(current_user), string_agg(privilege, ', ' ORDER BY asked.position),
    CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || 'memory_import.' || relname, min(needed.position)
  FROM (SELECT value ->> 'relation' AS relation, value -> 'privileges' AS privileges, position
      FROM json_array_elements($1::json) WITH ORDINALITY AS said (value, position)) AS needed
    JOIN pg_class ON relname = relation AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'memory_import')
    CROSS JOIN LATERAL json_array_elements_text(privileges) WITH ORDINALITY AS asked (privilege, position)
  WHERE NOT CASE relkind WHEN 'S' THEN has_sequence_privilege(pg_class.oid, privilege) ELSE has_table_privilege(pg_class.oid, privilege) END
  GROUP BY relname, relkind ORDER BY position`;
