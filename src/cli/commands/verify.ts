import { verifyText } from '../../report/after-run-text.js';
import { type VerifyOptions, verifyRun } from '../../verify.js';
import { drainOnSignal } from '../drain.js';
import { exitCodeOfSummary } from '../exit-codes.js';
import type { Call } from '../io.js';
import { openLogScreen } from '../log-screen.js';
import { resolveScreenOptions } from '../screen-options.js';
import { secretsOf } from '../secrets.js';

/** `memory-import verify <run>`. */
export async function verifyCommand(call: Call): Promise<number> {
  const { io, args, values } = call;
  const { json: _json, logLevel: _logLevel, progress: _progress, ...options } = values;
  const screenOptions = resolveScreenOptions(values);
  const screen = await openLogScreen({ io, options: screenOptions, secrets: secretsOf(call), doing: 'checked' });
  const keepScreen = io.onAbruptEnd(screen.close);
  const drain = drainOnSignal(io, screen.say);
  try {
    // Untrusted on purpose: every value is checked behind `verifyRun`.
    const summary = await verifyRun(args[0] ?? '', options as VerifyOptions, {
      signal: drain.signal,
      env: io.env,
      onEvent: screen.onEvent,
      onProgress: screen.onProgress,
    });
    screen.close();
    io.stdout.write(screenOptions.json ? `${JSON.stringify(summary)}\n` : verifyText(summary));
    return exitCodeOfSummary(summary, drain.stoppedBy());
  } finally {
    screen.close();
    keepScreen();
    drain.release();
  }
}
