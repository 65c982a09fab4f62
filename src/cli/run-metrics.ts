import { realClock } from '../clock.js';
import { UserError } from '../errors.js';
import type { Emit } from '../model.js';
import { readConfig } from '../options.js';
import type { MetricsFile } from '../report/metrics-file.js';
import { VERSION } from '../version.js';
import { EXIT, exitCodeOfError } from './exit-codes.js';
import type { Call } from './io.js';

/** What a command with `--metrics-file` gives to its metrics; where there are none it goes nowhere. */
export interface RunMetrics {
  readonly consume: Emit;
  /** Who tells the user, as a warning, that the file can't be written any more. Before somebody does: stderr. */
  readonly warnBy: (emit: Emit) => void;
}

/**
 * Runs the command, and has its exit code in the metrics file however it ends, also where it couldn't start.
 * @throws UserError where the metrics file itself can't be written: the command isn't run then
 */
export async function withRunMetrics(call: Call, command: (call: Call, metrics: RunMetrics) => Promise<number>): Promise<number> {
  const path = pathOf(call.values);
  if (path === null) return command(call, { consume: () => {}, warnBy: () => {} });
  let warn: Emit = (event) => void (event.type === 'warning' && call.io.stderr.write(`${event.message}\n`));
  // Loaded here: most runs have no metrics.
  const { openMetricsFile } = await import('../report/metrics-file.js');
  const file = await openMetricsFile({
    path,
    version: VERSION,
    now: realClock.now,
    onProblem: (message) => warn({ type: 'warning', code: 'metrics_not_written', message }),
  });
  const metrics: RunMetrics = {
    consume: file.consume,
    warnBy: (emit) => {
      warn = emit;
    },
  };
  let exitCode: number = EXIT.stopped;
  try {
    exitCode = await command({ ...call, io: { ...call.io, exitNow: exitAfterMetrics(call, file) } }, metrics);
    return exitCode;
  } catch (error) {
    exitCode = exitCodeOfError(error);
    throw error;
  } finally {
    await file.ended(exitCode);
  }
}

/** A user who wants the end at once waits for a small file, but never for a disk that doesn't answer. */
function exitAfterMetrics({ io }: Call, file: MetricsFile): Call['io']['exitNow'] {
  return (code) => void Promise.race([file.ended(code), realClock.sleep(LAST_WRITE_MS)]).then(() => io.exitNow(code));
}

const LAST_WRITE_MS = 1000;

/** Before any other option is looked at: that one of them is wrong has to be in the metrics too. */
function pathOf(values: Call['values']): string | null {
  if (values.metricsFile !== undefined) return checked(values.metricsFile, '--metrics-file');
  if (typeof values.config !== 'string') return null;
  let config: ReturnType<typeof readConfig>;
  try {
    config = readConfig(values.config);
  } catch {
    return null; // said by the command itself
  }
  return config.metricsFile === undefined ? null : checked(config.metricsFile, `"metricsFile" in ${values.config}`);
}

function checked(found: unknown, label: string): string {
  if (typeof found === 'string' && found.trim() !== '') return found;
  throw new UserError(`${label}: expected the path of a file, found ${JSON.stringify(found)}. Nothing was sent.`);
}
