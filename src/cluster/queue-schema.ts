import { UserError } from '../errors.js';
import type { openPool } from '../ledger/postgres-session.js';
import { describePostgres, sqlStateOf } from '../ledger/postgres-session.js';
import type { LedgerAddress } from '../ledger-address.js';
import { QUEUE_SCHEMA } from './queue-names.js';

type Pool = ReturnType<typeof openPool>;

/**
 * Makes the first table of the queue where its schema was made beforehand. The queue's own installation would ask for CREATE on the database
 * even then, which nobody has to give.
 */
export async function beginQueueSchema(pool: Pool): Promise<void> {
  const { rows } = await pool.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [QUEUE_SCHEMA]);
  if (rows.length === 0) return;
  const { rows: tables } = await pool.query(`SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations'`, [QUEUE_SCHEMA]);
  if (tables.length > 0) return;
  await pool.query(MIGRATIONS).catch((error: unknown) => {
    // Made by another one at the same time.
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
  });
}

/** As the queue makes it. */
const MIGRATIONS = `CREATE TABLE IF NOT EXISTS ${QUEUE_SCHEMA}.migrations (
  id integer PRIMARY KEY, ts timestamptz DEFAULT now() NOT NULL, breaking boolean NOT NULL DEFAULT false)`;
const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';

/** In words, for whoever started the command. */
export function queueProblem(error: unknown, address: LedgerAddress): UserError {
  const advice =
    sqlStateOf(error) === INSUFFICIENT_PRIVILEGE
      ? `Let a role with CREATE on the database start the first distributed import, or make the schema for this role beforehand: CREATE SCHEMA ${QUEUE_SCHEMA} AUTHORIZATION <role>.`
      : 'Check that Postgres can be reached, and what its log says.';
  return new UserError(
    `The queue of distributed imports (${QUEUE_SCHEMA} in ${address.ledger}) can't be used: ${describePostgres(error, address)}. Nothing was sent. ${advice}`,
    { cause: error },
  );
}
