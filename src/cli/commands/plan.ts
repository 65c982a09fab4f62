import { planImport } from '../../plan.js';
import { planText } from '../../report/plan-text.js';
import { exitCodeOfPlan } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveOnFinish } from '../on-finish-option.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import plan`, and `import --dry-run`: the exit code is what the import would end with, as far as that is known. */
export async function planCommand(call: Call): Promise<number> {
  const { json } = resolveScreenOptions(call.values);
  resolveOnFinish(call.values); // not run, and wrong all the same
  const plan = await planImport(toImportOptions(call), { stdin: call.io.stdin, env: call.io.env });
  call.io.stdout.write(json ? `${JSON.stringify(plan)}\n` : planText(plan));
  return exitCodeOfPlan(plan);
}
