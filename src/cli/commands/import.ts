import { importMemories } from '../../import.js';
import type { RunSummary } from '../../model.js';
import { askBeforeImport } from '../ask-before-import.js';
import { drainOnSignal } from '../drain.js';
import { exitCodeOfSignal, exitCodeOfSummary } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import { interruptedBefore } from '../interrupted-before.js';
import type { Call, Io } from '../io.js';
import { runOnFinish } from '../on-finish.js';
import { type Finished, type OnFinish, resolveOnFinish } from '../on-finish-option.js';
import { repeatForPage, repeatOptions } from '../repeat-options.js';
import { type RunMetrics, withRunMetrics } from '../run-metrics.js';
import { openScreen } from '../screen.js';
import { resolveScreenOptions } from '../screen-options.js';
import { secretsOf } from '../secrets.js';
import { keepHeapSmall } from '../small-heap.js';

/** `memory-import import`. */
export async function importCommand(call: Call): Promise<number> {
  if (call.values.dryRun) return (await import('./plan.js')).planCommand(call);
  if (call.values.detach) return (await import('./import-detached.js')).importDetached(call);
  return withRunMetrics(call, runImport);
}

async function runImport(call: Call, metrics: RunMetrics): Promise<number> {
  const { io, values } = call;
  const startedAt = Date.now();
  const screenOptions = resolveScreenOptions(values);
  const onFinish = resolveOnFinish(values);
  const screen = await openScreen({ io, options: screenOptions, secrets: secretsOf(call) });
  const keepScreen = io.onAbruptEnd(screen.close);
  metrics.warnBy(screen.onEvent);
  const watchHeap = keepHeapSmall();
  let started = false;
  const drain = drainOnSignal(io, (message) => {
    if (started) screen.say(message);
  });
  // Standard input may never give its header, and a question no answer: before the run has started nothing is under way that could be finished.
  drain.signal.addEventListener('abort', () => {
    if (started) return;
    const signal = drain.stoppedBy() ?? 'SIGINT';
    if (io.stderr.isTTY) io.stderr.write('\n'); // behind a question, or the terminal's ^C
    const leave = () => io.exitNow(exitCodeOfSignal(signal));
    if (!screenOptions.json) leave();
    else io.stdout.write(`${JSON.stringify(interruptedBefore({ inputs: call.args, startedAt, signal }))}\n`, leave);
  });
  const ask = askBeforeImport(io);
  const confirm: typeof ask = (large) => {
    screen.close(); // the bar of a long list of contacts; the run's own comes later
    return ask(large);
  };
  const print = (summary: RunSummary) =>
    io.stdout.write(screenOptions.json ? `${JSON.stringify(summary)}\n` : screen.lastWord(summary, repeatOptions(values)));
  try {
    const summary = await importMemories(toImportOptions(call), {
      signal: drain.signal,
      onEvent(event) {
        started ||= event.type === 'run_started';
        if (event.type === 'run_started') io.tellParent?.(event.runId);
        watchHeap(event);
        metrics.consume(event);
        screen.onEvent(event);
      },
      stdin: io.stdin,
      env: io.env,
      ...(values.yes === true ? {} : { confirm }),
      repeat: repeatForPage(call),
    });
    screen.close();
    print(summary);
    const exitCode = exitCodeOfSummary(summary, drain.stoppedBy());
    drain.release();
    if (onFinish !== null) {
      const failure = await finishWith(onFinish, { summary, exitCode, env: io.env, stderr: io.stderr }, io);
      if (failure !== null) screen.onEvent({ type: 'warning', code: 'on_finish', message: failure });
    }
    return exitCode;
  } finally {
    screen.close();
    keepScreen();
    drain.release();
  }
}

/** The run is over and told. Whoever doesn't want to wait for the hook sends another signal. */
async function finishWith(hook: OnFinish, finished: Omit<Finished, 'stopped'>, io: Pick<Io, 'onStopSignal'>): Promise<string | null> {
  const stop = new AbortController();
  const release = io.onStopSignal(() => stop.abort());
  try {
    return await runOnFinish(hook, { ...finished, stopped: stop.signal });
  } finally {
    release();
  }
}
