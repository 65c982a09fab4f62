import { UserError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import { cellsOfNote } from './export.js';
import { schemaVersion } from './postgres-schema.js';
import { describePostgres, openSession, type PostgresRow, type Statement } from './postgres-session.js';

const PAGE = 1000;
const NOTES: Statement = {
  name: 'export',
  text: `SELECT note_key, encode(fingerprint, 'hex') AS fingerprint, contact_id, sub_org, state, memory_id, how, created_at, run_id, row, class, status, attempts,
    claimed_at, settled_at, since, CASE WHEN closing THEN 'yes' END AS closing, encode(sent_hash, 'hex') AS sent_hash, encode(input_hash, 'hex') AS input_hash
    FROM memory_import.note LEFT JOIN memory_import.run USING (run_number) WHERE note_key > $1 ORDER BY note_key LIMIT ${PAGE}`,
};

/**
 * `exportNotes` of a ledger in Postgres.
 * @throws UserError where there is no ledger, or it can't be read to its end
 */
export async function* exportPostgresNotes(address: LedgerAddress): AsyncGenerator<readonly (readonly string[])[]> {
  let notes = 0;
  const asUserError = (error: unknown): unknown => {
    if (error instanceof UserError) return error;
    const why = describePostgres(error, address);
    return new UserError(`The ledger ${address.ledger} can't be read behind note ${notes}: ${why}. What came before was given.`, {
      cause: error,
    });
  };
  const session = await openSession({ address, name: 'export', patienceMs: null }).catch((error: unknown) => {
    throw asUserError(error);
  });
  try {
    if ((await schemaVersion(session, address)) === 0)
      throw new UserError(`There is no ledger in ${address.ledger} yet. Name another one with --ledger.`);
    for (let after = 0; ; ) {
      const rows: readonly PostgresRow[] = await session.query(NOTES, [after]);
      if (rows.length === 0) return;
      notes += rows.length;
      after = Number(rows.at(-1)?.note_key);
      yield rows.map(cellsOfNote);
    }
  } catch (error) {
    throw asUserError(error);
  } finally {
    await session.end();
  }
}
