import { exportLedger } from '../../ledger-export.js';
import { formatCount } from '../../report/format.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';

/** `memory-import ledger export`: CSV on stdout, or into a new file. */
export async function ledgerExportCommand({ io, args, values }: Call): Promise<number> {
  const { out, ...rest } = values;
  const notes = await exportLedger(typeof out === 'string' ? out : io.stdout, toImportOptions({ args, values: rest }), { env: io.env });
  if (typeof out === 'string') io.stderr.write(`${formatCount(notes)} notes were written to ${out}.\n`);
  return EXIT.done;
}
