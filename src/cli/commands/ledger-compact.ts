import { compactLedger, type LedgerCompact } from '../../ledger-compact.js';
import { formatCount } from '../../report/format.js';
import { formatBytes } from '../../report/format-bytes.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import ledger compact`. */
export async function ledgerCompactCommand({ io, args, values }: Call): Promise<number> {
  const { json } = resolveScreenOptions(values);
  const { dropFailures, ...rest } = values;
  const drop = typeof dropFailures === 'string' ? { dropFailures } : {};
  const onStep = (what: string): void => {
    // A large ledger takes minutes, and who waits wants to know for what.
    if (io.stderr.isTTY) io.stderr.write(`${what} …\n`);
  };
  const done = await compactLedger({ ...toImportOptions({ args, values: rest }), ...drop }, { env: io.env, onStep });
  io.stdout.write(json ? `${JSON.stringify(done)}\n` : compactText(done));
  return EXIT.done;
}

function compactText({ path, bytesBefore, bytesAfter, notes, droppedFailures, isMerged }: LedgerCompact): string {
  const dropped = droppedFailures > 0 ? ` ${formatCount(droppedFailures)} failed rows of old runs were forgotten.` : '';
  const unmerged = isMerged ? '' : ' Somebody is reading it: its log will be merged by the next run, or by compacting it again.';
  return `The ledger ${path} has ${formatBytes(bytesAfter)}, it had ${formatBytes(bytesBefore)}. It knows ${formatCount(notes)} notes, as before.${dropped}${unmerged}\n`;
}
