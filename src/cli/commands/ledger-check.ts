import { checkLedger, type LedgerCheck } from '../../ledger-check.js';
import { formatCount } from '../../report/format.js';
import { formatBytes } from '../../report/format-bytes.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import ledger check`: 0 where it is sound, 1 where something was found. */
export async function ledgerCheckCommand({ io, args, values }: Call): Promise<number> {
  const { json } = resolveScreenOptions(values);
  const { quick, ...rest } = values;
  const check = await checkLedger({ ...toImportOptions({ args, values: rest }), quick: quick === true }, { env: io.env });
  const sound = check.findings.length === 0;
  io.stdout.write(json ? `${JSON.stringify({ sound, ...check })}\n` : checkText(check));
  return sound ? EXIT.done : EXIT.someFailed;
}

function checkText(check: LedgerCheck): string {
  const { path, version, bytes, target, notes, inDoubt, closingLooksDue, runs, heldBy, depth, findings } = check;
  const { total, ...states } = notes;
  const byState = Object.entries(states).flatMap(([state, count]) =>
    count > 0 ? [`${formatCount(count)} ${state.replace('_', ' ')}`] : [],
  );
  const facts: readonly (readonly [string, string])[] = [
    ['ledger', `${path} (version ${version})`],
    ['size', `${formatBytes(bytes.file)}${bytes.log > 0 ? `, and ${formatBytes(bytes.log)} not merged into it yet, in ${path}-wal` : ''}`],
    ['account', target === null ? 'none yet' : `${target.baseUrl}, and a key that it knows by a salted hash`],
    ['notes', `${formatCount(total)}${byState.length > 0 ? `: ${byState.join(', ')}` : ''}`],
    [
      'in doubt',
      inDoubt.notes === 0
        ? 'none'
        : `${formatCount(inDoubt.notes)}, since ${inDoubt.since} (${inDoubt.runs.join(', ')}): the next run looks for them`,
    ],
    ['closing looks', closingLooksDue === 0 ? 'none due' : `${formatCount(closingLooksDue)} due`],
    ['runs', runs.total === 0 ? 'none' : `${formatCount(runs.total)}, from ${runs.first} to ${runs.last}`],
    [
      'held by',
      heldBy === null ? 'nobody' : `process ${heldBy.pid} on ${heldBy.host} since ${heldBy.since} (${heldBy.what}); it may go on growing`,
    ],
  ];
  const said = facts.map(([name, fact]) => `  ${name.padEnd(13)}  ${fact}\n`).join('');
  if (findings.length === 0) return `The ledger is sound${depth === 'quick' ? ', as far as a quick look goes' : ''}.\n\n${said}`;
  const found = findings.map(({ message, advice }) => `  - ${message}.\n    ${advice}\n`).join('');
  return `Something is wrong with the ledger.\n\n${found}\n${said}`;
}
