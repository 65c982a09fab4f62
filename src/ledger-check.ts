import { UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import { checkLedger as checkLedgerFile, type LedgerCheck } from './ledger/check.js';
import { isPostgres } from './ledger-address.js';
import { type ImportOptions, resolveOptions } from './options.js';

export type { LedgerCheck };

/**
 * Says what the ledger holds and whether it is sound, and changes nothing.
 * @param options.quick doesn't look at every note
 * @throws UserError where there is no ledger, or the file isn't one
 */
export async function checkLedger(
  options: ImportOptions & { readonly quick?: boolean },
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<LedgerCheck> {
  const { quick = false, ...rest } = options;
  const { ledger } = resolveOptions(rest, env, { key: false, inputs: false });
  if (isPostgres(ledger)) {
    throw new UserError(
      `The ledger ${ledger} is in Postgres, and 'ledger check' looks into SQLite files. Postgres has its own means (pg_amcheck); 'memory-import runs' says whether it can be reached.`,
    );
  }
  return checkLedgerFile(ledger, { quick });
}
