import { OptionsError } from '../../errors.js';
import { DAY_MS, duration } from '../../option-values.js';
import { pruneRuns } from '../../prune-runs.js';
import { listRuns } from '../../runs.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { pruneText } from '../prune-text.js';
import { runsText } from '../runs-text.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import runs`: the newest first; with `--prune` the old ones lose their files. 1 where some couldn't be removed. */
export async function runsCommand(call: Call): Promise<number> {
  const { io } = call;
  const { prune, ...values } = call.values;
  const { json } = resolveScreenOptions(values);
  const options = toImportOptions({ args: [], values });
  if (prune !== undefined) {
    const pruned = await pruneRuns(options, { olderThanMs: ageOf(prune), dryRun: values.dryRun === true }, { env: io.env });
    io.stdout.write(json ? `${JSON.stringify(pruned)}\n` : pruneText(pruned));
    return pruned.pruned.some(({ problem }) => problem !== null) ? EXIT.someFailed : EXIT.done;
  }
  if (values.dryRun === true) throw new OptionsError(['--dry-run: expected together with --prune, found alone']);
  const runs = await listRuns(options, { env: io.env });
  io.stdout.write(json ? `${JSON.stringify({ runs })}\n` : runsText(runs, 'columns' in io.stdout ? Number(io.stdout.columns) : null));
  return EXIT.done;
}

const MOST_DAYS = 36_500;

function ageOf(given: unknown): number {
  const problems: string[] = [];
  const age = duration(0, MOST_DAYS * DAY_MS)(given, (expected, found = JSON.stringify(given)) => {
    problems.push(`--prune: expected ${expected}, found ${found}`);
    return undefined;
  });
  if (age === undefined) throw new OptionsError(problems);
  return age;
}
