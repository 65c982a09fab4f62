import { exitCodeOfSignal, type StopSignal } from './exit-codes.js';
import type { Io } from './io.js';

export interface Drain {
  /** Aborts at the first signal: stop the intake, finish and settle what is under way. */
  readonly signal: AbortSignal;
  /** The signal that came first. */
  readonly stoppedBy: () => StopSignal | null;
  /** Gives the signals back to the system. */
  readonly release: () => void;
}

/** The first SIGINT or SIGTERM asks for an orderly end, the second ends the process at once. `say` tells the user. */
export function drainOnSignal(
  io: Pick<Io, 'onStopSignal' | 'exitNow'>,
  say: (message: string) => void,
  now: () => number = () => performance.now(),
): Drain {
  const controller = new AbortController();
  let first: { readonly signal: StopSignal; readonly at: number } | null = null;
  const release = io.onStopSignal((signal) => {
    if (first === null) {
      first = { signal, at: now() };
      say(`${signal}: finishing the requests under way, then stopping. Once more stops at once; the same command goes on either way.`);
      controller.abort();
    } else if (signal !== first.signal || now() - first.at >= ECHO_MS) {
      io.exitNow(exitCodeOfSignal(signal));
    }
  });
  return { signal: controller.signal, stoppedBy: () => first?.signal ?? null, release };
}

/** npm and npx pass on the Ctrl-C that the terminal has sent to us as well: that is one signal, not two. */
const ECHO_MS = 100;
