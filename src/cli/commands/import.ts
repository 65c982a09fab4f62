import { readFileSync, statSync } from 'node:fs';
import { importMemories } from '../../import.js';
import { drainOnSignal } from '../drain.js';
import { exitCodeOfSignal, exitCodeOfSummary } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { repeatOptions } from '../repeat-options.js';
import { openScreen } from '../screen.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import import`. */
export async function importCommand(call: Call): Promise<number> {
  if (call.values.dryRun) return (await import('./plan.js')).planCommand(call);
  const { io, values } = call;
  const screenOptions = resolveScreenOptions(values);
  const screen = openScreen({ io, options: screenOptions, secrets: secretsOf(call) });
  const drain = drainOnSignal(io, screen.say);
  let started = false;
  // Standard input may never give its header: before the run has started nothing is under way that could be finished.
  drain.signal.addEventListener('abort', () => {
    if (!started) io.exitNow(exitCodeOfSignal(drain.stoppedBy() ?? 'SIGINT'));
  });
  try {
    const summary = await importMemories(toImportOptions(call), {
      signal: drain.signal,
      onEvent(event) {
        started ||= event.type === 'run_started';
        screen.onEvent(event);
      },
      stdin: io.stdin,
      env: io.env,
    });
    screen.close();
    io.stdout.write(screenOptions.json ? `${JSON.stringify(summary)}\n` : screen.lastWord(summary, repeatOptions(values)));
    return exitCodeOfSummary(summary, drain.stoppedBy());
  } finally {
    screen.close();
    drain.release();
  }
}

/** What logs must not show even by accident. No event has the key; this is the second line of defence. */
function secretsOf({ io, values }: Call): readonly string[] {
  const secrets = [io.env.CALLERS_API_KEY?.trim() ?? ''];
  try {
    // Only a plain file: `<(pass show callers)` can be read once, and not by us.
    const path = String(values.apiKeyFile);
    if (statSync(path).isFile()) secrets.push(readFileSync(path, 'utf8').trim());
  } catch {
    // That it can't be read is said where the options are resolved.
  }
  return secrets.filter((secret) => secret !== '');
}
