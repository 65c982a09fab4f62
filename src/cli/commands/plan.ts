import { planImport } from '../../plan.js';
import { planText } from '../../report/plan-text.js';
import { exitCodeOfPlan } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveOnFinish } from '../on-finish-option.js';
import { openScreen } from '../screen.js';
import { resolveScreenOptions } from '../screen-options.js';
import { secretsOf } from '../secrets.js';

/** `memory-import plan`, and `import --dry-run`: the exit code is what the import would end with, as far as that is known. */
export async function planCommand(call: Call): Promise<number> {
  const { io, values } = call;
  const options = resolveScreenOptions(values);
  resolveOnFinish(values); // not run, and wrong all the same
  const screen = await openScreen({ io, options, secrets: secretsOf(call) });
  const keepScreen = io.onAbruptEnd(screen.close);
  const plan = await planImport(toImportOptions(call), { stdin: io.stdin, env: io.env, onEvent: screen.onEvent }).finally(() => {
    screen.close();
    keepScreen();
  });
  io.stdout.write(options.json ? `${JSON.stringify(plan)}\n` : planText(plan));
  return exitCodeOfPlan(plan);
}
