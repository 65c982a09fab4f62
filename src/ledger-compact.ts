import { OptionsError, UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import { compactLedger as compactLedgerFile, type LedgerCompact } from './ledger/compact.js';
import { isPostgres } from './ledger-address.js';
import { type ImportOptions, parseDuration, resolveOptions } from './options.js';

export type { LedgerCompact };

/**
 * Builds the ledger's index anew and gives unused space back; what is known of notes stays.
 * @param options.dropFailures forgets the failed rows of runs that began longer ago, such as `90d`
 * @param hooks.onStep what it is about to do, in words; it must not throw
 * @throws UserError (and OptionsError) where there is no sound ledger, or not enough space: nothing was changed; LedgerHeldError where a run
 *   holds it; LedgerError where the disk fails meanwhile: nothing of it is lost
 */
export async function compactLedger(
  options: ImportOptions & { readonly dropFailures?: string },
  hooks: Pick<ImportHooks, 'env' | 'clock'> & { readonly onStep?: (what: string) => void } = {},
): Promise<LedgerCompact> {
  const { dropFailures, ...rest } = options;
  const age = dropFailures === undefined ? null : parseDuration(dropFailures);
  if (dropFailures !== undefined && (age === null || age === 0))
    throw new OptionsError([`--drop-failures: expected an age with its unit, such as 90d, found ${JSON.stringify(dropFailures)}`]);
  const { ledger: path } = resolveOptions(rest, hooks.env ?? process.env, { key: false, inputs: false });
  if (isPostgres(path)) {
    throw new UserError(
      `The ledger ${path} is in Postgres, and 'ledger compact' is for SQLite files. Postgres gives unused space back by itself (autovacuum), or by VACUUM (FULL) memory_import.note while no import runs.`,
    );
  }
  const now = hooks.clock?.now() ?? Date.now();
  const dropFailuresBefore = age === null ? null : new Date(Math.max(0, now - age)).toISOString();
  return compactLedgerFile({ path, dropFailuresBefore, ...(hooks.onStep === undefined ? {} : { onStep: hooks.onStep }) });
}
