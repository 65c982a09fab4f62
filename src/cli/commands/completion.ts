import { OptionsError } from '../../errors.js';
import { near } from '../../options.js';
import { isRunId } from '../../report/run-folder.js';
import { listRuns } from '../../runs.js';
import { bashCompletion } from '../completion-bash.js';
import { fishCompletion } from '../completion-fish.js';
import { type CommandShape, completedCommands } from '../completion-model.js';
import { zshCompletion } from '../completion-zsh.js';
import { EXIT } from '../exit-codes.js';
import type { Call } from '../io.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `memory-import completion <bash|zsh|fish>`: the script. `run-ids`, which the scripts ask for: the ids of the runs, the newest first. */
export async function completionCommand({ io, args }: Call, commands: readonly CommandShape[]): Promise<number> {
  const [asked = ''] = args;
  if (asked === 'run-ids') {
    const runs = await listRuns({}, { env: io.env });
    // bash expands what it chooses from, so that nothing but an id may come from a file.
    io.stdout.write(runs.flatMap(({ runId }) => (isRunId(runId) ? [`${runId}\n`] : [])).join(''));
    return EXIT.done;
  }
  const write = Object.entries(SHELLS).find(([name]) => name === asked)?.[1];
  if (write === undefined) {
    const hint = near(asked, Object.keys(SHELLS));
    throw new OptionsError([`<bash|zsh|fish>: expected one of these shells, found ${JSON.stringify(asked)}${hint}`]);
  }
  io.stdout.write(write(completedCommands(commands)));
  return EXIT.done;
}
