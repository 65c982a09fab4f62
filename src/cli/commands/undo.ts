import { UserError } from '../../errors.js';
import type { UndoPreview } from '../../model-after-run.js';
import { undoPreviewText, undoText } from '../../report/after-run-text.js';
import { type UndoOptions, undoRun } from '../../undo.js';
import { canAsk, confirm } from '../confirm.js';
import { drainOnSignal } from '../drain.js';
import { exitCodeOfSignal, exitCodeOfSummary } from '../exit-codes.js';
import type { Call } from '../io.js';
import { openLogScreen } from '../log-screen.js';
import { resolveScreenOptions } from '../screen-options.js';
import { secretsOf } from '../secrets.js';

/** `memory-import undo <run>`: says what it would delete, asks, deletes. */
export async function undoCommand(call: Call): Promise<number> {
  const { io, args, values } = call;
  const { json: _json, logLevel: _logLevel, progress: _progress, yes, ...options } = values;
  const screenOptions = resolveScreenOptions(values);
  const screen = await openLogScreen({ io, options: screenOptions, secrets: secretsOf(call), doing: 'undone' });
  const keepScreen = io.onAbruptEnd(screen.close);
  let isAsking = false;
  // While the question stands nothing is under way that could be finished.
  const drain = drainOnSignal(io, (message) => (isAsking ? undefined : screen.say(message)));

  const ask = async (preview: UndoPreview): Promise<boolean> => {
    const { facts, question } = undoPreviewText(preview);
    if (yes === true) {
      io.stderr.write(`${facts}\n`);
      return true;
    }
    if (!canAsk(io)) throw new UserError(`${facts}\nNothing was deleted: there is no terminal to ask on, so --yes is needed.`);
    io.stderr.write(`${facts}\n`);
    isAsking = true;
    const isYes = await confirm(io, question, drain.signal);
    isAsking = false;
    const signal = drain.stoppedBy();
    if (signal !== null) io.exitNow(exitCodeOfSignal(signal));
    return isYes;
  };

  try {
    // Untrusted on purpose: every value is checked behind `undoRun`.
    const summary = await undoRun(args[0] ?? '', options as UndoOptions, {
      signal: drain.signal,
      env: io.env,
      onEvent: screen.onEvent,
      onProgress: screen.onProgress,
      confirm: ask,
    });
    screen.close();
    io.stdout.write(screenOptions.json ? `${JSON.stringify(summary)}\n` : undoText(summary));
    return exitCodeOfSummary(summary, drain.stoppedBy());
  } finally {
    screen.close();
    keepScreen();
    drain.release();
  }
}
