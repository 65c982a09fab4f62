import { setMaxListeners } from 'node:events';
import { LedgerError, StoppedError } from '../errors.js';

/** Ends a run early: the intake and every wait stop, requests under way are answered and settled. The first reason counts. */
export interface Halt {
  readonly signal: AbortSignal;
  readonly reason: StoppedError | null;
  stop(reason: StoppedError): void;
}

export function createHalt(onStop: (reason: StoppedError) => void): Halt {
  const controller = new AbortController();
  // Every wait of the run listens: as many as there are rows under way, and no leak.
  setMaxListeners(0, controller.signal);
  let reason: StoppedError | null = null;
  return {
    signal: controller.signal,
    get reason() {
      return reason;
    },
    stop(error) {
      if (reason !== null) return;
      reason = error;
      onStop(error);
      controller.abort(error);
    },
  };
}

/** What a stage threw, as the reason of the stop; null for a bug. */
export function asStop(error: unknown): StoppedError | null {
  if (error instanceof StoppedError) return error;
  if (!(error instanceof LedgerError)) return null;
  const message = `${error.message} The run was stopped; what was under way is looked at by the next run. ${error.advice}`;
  return new StoppedError('ledger', message, true, { cause: error });
}

/** The same where a bug stops the run, too: whoever caught it throws it when the run has ended. */
export function asStopOfAny(error: unknown): StoppedError {
  return asStop(error) ?? new StoppedError('ledger', 'An unexpected error.', true, { cause: error });
}

/** The caller's wish to end is a reason like others. @returns what ends the listening */
export function stopOnSignal(signal: AbortSignal | undefined, halt: Halt): () => void {
  if (signal === undefined) return () => {};
  const stop = () => halt.stop(new StoppedError('signal', 'Interrupted. The same command goes on from here.', true));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}
