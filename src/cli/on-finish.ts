import { pipeToCommand } from './on-finish-command.js';
import type { Finished, OnFinish } from './on-finish-option.js';
import { postToAddress } from './on-finish-post.js';

/** @returns null, or why it failed, as a sentence for a person */
export async function runOnFinish(hook: OnFinish, finished: Finished): Promise<string | null> {
  const failure = hook.kind === 'command' ? await pipeToCommand(hook.command, finished) : await postToAddress(hook.url, finished);
  return failure === null ? null : `--on-finish ${failure}. The import itself is not concerned: its exit code is ${finished.exitCode}.`;
}
