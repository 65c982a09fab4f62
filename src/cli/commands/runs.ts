import { type ListedRun, listRuns } from '../../runs.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import runs`: the newest first. */
export async function runsCommand(call: Call): Promise<number> {
  const { json } = resolveScreenOptions(call.values);
  const runs = await listRuns(toImportOptions(call), { env: call.io.env });
  call.io.stdout.write(json ? `${JSON.stringify({ runs })}\n` : runsText(runs));
  return EXIT.done;
}

function runsText(runs: readonly ListedRun[]): string {
  if (runs.length === 0) return 'The ledger knows no runs yet.\n';
  const table = runs.map(({ runId, status, counts, inputs }) => [
    runId,
    status.replaceAll('_', ' '),
    counts === null ? '' : `${counts.rows} rows, ${counts.created + counts.recovered} created, ${counts.failed} failed`,
    inputs.join(', '),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  return table.map((cells) => `${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
}
