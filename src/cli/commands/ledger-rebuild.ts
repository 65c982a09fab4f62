import { type LedgerRebuild, type RebuildProblem, rebuildLedger } from '../../ledger-rebuild.js';
import { formatCount } from '../../report/format.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import ledger rebuild`: 0, or 1 where rows couldn't be read. */
export async function ledgerRebuildCommand(call: Call): Promise<number> {
  const { io, values } = call;
  const { json } = resolveScreenOptions(values);
  let told = 0;
  const onProblem = (problem: RebuildProblem): void => {
    if (++told <= SHOWN) io.stderr.write(`${problemText(problem)}\n`);
  };
  const rebuild = await rebuildLedger(toImportOptions(call), { env: io.env, onProblem });
  if (told > SHOWN) io.stderr.write(`… and ${formatCount(told - SHOWN)} more.\n`);
  io.stdout.write(json ? `${JSON.stringify(rebuild)}\n` : rebuildText(rebuild));
  return rebuild.counts.unreadable > 0 ? EXIT.someFailed : EXIT.done;
}

const SHOWN = 20;

function problemText({ file, line, message }: RebuildProblem): string {
  return line === null ? message : `${file}, line ${line}: ${message}`;
}

function rebuildText({ ledger, files, counts }: LedgerRebuild): string {
  const { rows, added, settled, known, undone, differs, unreadable } = counts;
  const lines: readonly (readonly [string, number, string])[] = [
    ['added', added, "the ledger didn't know them"],
    ['settled', settled, 'they had failed or were in doubt, and are there'],
    ['known', known, ''],
    ['undone', undone, 'undone since, and left so'],
    ['differ', differs, 'the ledger knows another memory of the same note'],
    ['unreadable', unreadable, 'mend these rows and run it again'],
  ];
  const width = Math.max(...lines.map(([, count]) => formatCount(count).length));
  const said = lines.flatMap(([name, count, meaning]) =>
    count === 0 && name !== 'added' ? [] : [`  ${name.padEnd(10)}  ${formatCount(count).padStart(width)}  ${meaning}`.trimEnd()],
  );
  return `The ledger ${ledger} has taken ${formatCount(rows)} rows of ${formatCount(files.length)} ${files.length === 1 ? 'file' : 'files'}.\n\n${said.join('\n')}\n`;
}
