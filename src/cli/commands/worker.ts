import { OptionsError } from '../../errors.js';
import { DAY_MS, duration } from '../../option-values.js';
import { runWorker, type WorkerEvent } from '../../worker.js';
import { drainOnSignal } from '../drain.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';
import { secretsOf } from '../secrets.js';
import { openStderr } from '../stderr.js';
import { logWorker } from '../worker-log.js';
import { type WorkerStatus, withWorkerStatus } from '../worker-status.js';

/** `memory-import worker`: until a signal, or until there is nothing to do. */
export async function workerCommand(call: Call): Promise<number> {
  return withWorkerStatus(call, (status) => work(call, status));
}

async function work(call: Call, status: WorkerStatus): Promise<number> {
  const { io } = call;
  const { idleExit, metricsPort: _, ...values } = call.values;
  const options = resolveScreenOptions({ ...values, progress: false });
  const { logger } = await openStderr({ io, options, secrets: secretsOf(call) });
  const idleExitMs = idleExit === undefined ? null : durationOf(idleExit);
  const drain = drainOnSignal(io, () => {
    logger.warn(
      { event: 'signal' },
      `${drain.stoppedBy()}: finishing what is under way, handing back the rest, then ending. Once more ends at once.`,
    );
  });
  drain.signal.addEventListener('abort', status.stopping, { once: true });
  const log = logWorker(logger);
  const onEvent = (event: WorkerEvent): void => {
    log(event);
    status.consume(event);
  };
  try {
    if (status.url !== null) logger.info({ event: 'status_served', url: status.url }, `status: ${status.url}/metrics, /healthz, /readyz`);
    await runWorker(
      { ...toImportOptions({ args: [], values }), idleExitMs },
      { signal: drain.signal, env: io.env, onEvent, onReady: status.opened },
    );
    return EXIT.done;
  } finally {
    drain.release();
  }
}

function durationOf(given: unknown): number {
  const problems: string[] = [];
  const found = duration(0, 30 * DAY_MS)(given, (expected, shown = JSON.stringify(given)) => {
    problems.push(`--idle-exit: expected ${expected}, found ${shown}`);
    return undefined;
  });
  if (found === undefined) throw new OptionsError(problems);
  return found;
}
