import type { Readable } from 'node:stream';
import { realClock } from './clock.js';
import type { Coordinator } from './cluster/coordinator.js';
import type { Distribution } from './cluster/distribute.js';
import type { Dispatcher } from './dispatch/dispatch.js';
import { settleOldDoubts, takeClosingLooks } from './dispatch/doubts.js';
import { asStop, createHalt, stopOnSignal } from './dispatch/halt.js';
import { createPersistence } from './dispatch/persist.js';
import type { StoppedError } from './errors.js';
import { createFirstSeen } from './ledger/first-seen.js';
import { openLedger } from './ledger/open.js';
import type { Clock, Emit, ImportEvent, RunSummary } from './model.js';
import type { LargeImport } from './model-plan.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { openCsvReports } from './report/csv-reports.js';
import { findingLine } from './report/finding-line.js';
import { gatherPageFacts, type Repeat } from './report/page-facts.js';
import { createRunFolder, newRunId } from './report/run-folder.js';
import { createTally } from './report/summary.js';
import { admitAll } from './run/admit.js';
import { checkBeforeStart } from './run/before-start.js';
import { conclude, type RunContext, runRecord } from './run/conclude.js';
import { stopAtTooManyFailures } from './run/failure-limit.js';
import { afterFreshLedgerCheck } from './run/first-rows.js';
import { openIntake } from './run/intake.js';
import { settleInterruptedUndos } from './run/interrupted-undos.js';
import { stopWhenLedgerIsLost } from './run/lost-ledger.js';
import { openedInTime, stopAtMaxDuration } from './run/max-duration.js';
import { prepareRows } from './run/rows.js';
import { gatherSettledRows } from './run/settled-rows.js';
import { openStages } from './run/stages.js';
import { tellLargeLedger } from './run/tell-large-ledger.js';
import { tellProfiles } from './run/tell-profiles.js';
import { tellUndated } from './run/tell-undated.js';

/** From here on a thread for the ledger pays for its start. */
const LARGE_INPUT_BYTES = 1024 * 1024;

export interface ImportHooks {
  /** Abort it to end the run gently: the intake stops, what is under way is answered and settled. */
  readonly signal?: AbortSignal;
  /** Everything that happens, as it happens. It must not throw. */
  readonly onEvent?: (event: ImportEvent) => void;
  /** What `-` reads. Default: the process's. */
  readonly stdin?: Readable;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** Asked once, before anything is sent, about a large import into a host that isn't loopback; false: it isn't started. Default: not asked. */
  readonly confirm?: (large: LargeImport) => Promise<boolean>;
  /** How a person gives the same command again, for report.html. It must not hold a key, nor a note's name or text. */
  readonly repeat?: Repeat;
}

/**
 * Loads CSV notes into Callers as contact memories, each exactly once: read → map → claim → dispatch → settle → report.
 * Running it again after anything creates only what isn't there yet.
 *
 * @returns the summary, also where the run stopped by itself or was interrupted (`status`)
 * @throws UserError (and OptionsError) where it can't start, or isn't wanted: nothing was sent; LedgerHeldError where another run holds the ledger;
 *   LedgerError where the ledger fails before the first row
 */
export async function importMemories(options: ImportOptions, hooks: ImportHooks = {}): Promise<RunSummary> {
  const clock = hooks.clock ?? realClock;
  const startedAt = clock.now();
  const env = hooks.env ?? process.env;
  const resolved = resolveOptions(options, env);
  const intake = await openedInTime(openIntake(resolved, { stdin: hooks.stdin, emit: hooks.onEvent }), {
    maxDurationMs: resolved.maxDurationMs,
    startedAt,
    clock,
  });
  try {
    const findings = await checkBeforeStart({ resolved, intake, confirm: hooks.confirm });
    const runId = newRunId(startedAt, clock.random);
    tellLargeLedger(resolved.ledger, hooks.onEvent);
    const ledger = await openLedger({
      address: resolved,
      runId,
      what: `import ${resolved.inputs.join(' ')}`,
      target: { baseUrl: resolved.baseUrl.href, apiKey: resolved.apiKey },
      sameAccount: resolved.sameAccount,
      now: clock.now,
      requestTimeoutMs: resolved.timeoutMs,
      inThread: intake.totalBytes === null || intake.totalBytes >= LARGE_INPUT_BYTES,
      onWait: (message) => hooks.onEvent?.({ type: 'warning', code: 'ledger_waits', message }),
    });
    try {
      const folder = await createRunFolder(resolved.out, runId);
      const reports = await openCsvReports({ folder, inputCount: intake.inputs.length, excel: resolved.excel });
      return await run(
        { runId, options: resolved, intake, ledger, folder, reports, clock, reached: new Map(), startedAt, findings },
        { ...hooks, env },
      );
    } finally {
      await ledger.close();
    }
  } finally {
    await intake.close();
  }
}

/** The stages, wired, from the first look at what earlier runs left to the last look at what this one did. */
async function run(context: RunContext, { signal, onEvent, env, repeat }: ImportHooks): Promise<RunSummary> {
  const { runId, options, intake, ledger, reports, clock, startedAt } = context;
  const tally = createTally(clock.now);
  const page = gatherPageFacts({ now: clock.now, startedAt, tally });
  const halt = createHalt(({ reasonCode, message }) => emit({ type: 'stopping', reasonCode, reason: message }));
  const emit: Emit = (event) => {
    tally.consume(event);
    page.consume(event);
    onEvent?.(event);
    if (event.type === 'rows_settled') stopAtTooManyFailures({ tally, options, halt });
  };
  const release = stopOnSignal(signal, halt);
  const liftMaxDuration = stopAtMaxDuration({ maxDurationMs: options.maxDurationMs, startedAt: context.startedAt, clock, halt });
  const ledgerFile = stopWhenLedgerIsLost({ path: options.ledger, folder: context.folder, halt, shared: ledger.shared });
  const mayAllBeRefused = () => ledger.hadCreated || intake.inputs.some(({ csv }) => csv.source.isFailuresFile);
  const closing: (() => Promise<void>)[] = [];
  const stages = openStages({
    runId,
    isShared: false,
    quota: null,
    options,
    ledger,
    halt,
    emit,
    clock,
    env: env ?? process.env,
    startedAt,
    inputCount: intake.inputs.length,
    mayAllBeRefused,
  });
  const { writer, gate, pages, looker } = stages;

  try {
    const { inputs, limit, baseUrl } = options;
    emit({ type: 'run_started', runId, baseUrl: baseUrl.href, inputs, totalBytes: intake.totalBytes, limit });
    for (const message of intake.warnings) emit({ type: 'warning', code: 'left_out', message });
    for (const finding of context.findings.filter(({ accepted }) => !accepted))
      emit({ type: 'warning', code: finding.finding, message: findingLine(finding) });
    for (const { csv } of intake.inputs) {
      reports.inputOpened(csv.source, csv.rawHeader);
      emit({ type: 'input_opened', input: csv.source });
    }

    tellProfiles(intake, emit);

    const rows = prepareRows(intake, options.limit);
    const settled = gatherSettledRows({ emit, write: reports.write, onFailure: halt.stop });
    const firstSeen = createFirstSeen();

    try {
      await ledger.saveRun(runRecord(context, null));
      await settleInterruptedUndos({
        ledger,
        connection: { persistence: createPersistence({ gate, clock, halt, pages, ledger, retries: options.retries }), pages, halt, clock },
        emit,
        concurrency: options.concurrency,
        believedFrom: startedAt + options.reconcileWaitMs,
        mayLook: options.inDoubt === 'reconcile',
      });
      const recoveredBefore = await settleOldDoubts({
        ledger,
        writer,
        looker,
        emit,
        clock,
        stopped: halt.signal,
        startedAt,
        inDoubt: options.inDoubt,
      });
      const dispatched = { report: settled.add, firstSeen, labelOf: rows.labelOf, recovered: recoveredBefore };
      const dispatcher: Dispatcher & Partial<Pick<Coordinator, 'close'>> = options.distribute
        ? await distributed(context, { ...dispatched, writer, halt, emit, mayAllBeRefused: mayAllBeRefused() })
        : stages.dispatcher(dispatched);
      if (dispatcher.close !== undefined) closing.push(dispatcher.close);
      const check = ledger.wasEmpty && !options.adopt;
      const batches = check
        ? afterFreshLedgerCheck(rows.batches(halt.signal), { looker, ledgerPath: options.ledger })
        : rows.batches(halt.signal);
      let stopped: StoppedError | null = null;
      try {
        let rowsRead = 0;
        await admitAll(batches, {
          admission: { runId, ledger, writer, dispatcher, firstSeen, settled, rows, recoveredBefore, options },
          halt,
          onRead(batch) {
            rowsRead += batch.length;
            // Before its rows are settled, so that no more seem to be settled than were read.
            emit({ type: 'bytes_read', bytes: intake.bytesRead(batch[0]?.source.input.index ?? 0), rows: rowsRead });
          },
          onAdmitted(batch) {
            const last = batch.at(-1)?.source;
            if (last !== undefined) context.reached.set(last.input.index, last.row);
          },
        });
      } catch (error) {
        stopped = asStop(error);
        if (stopped === null) throw error;
        // What was read before is good: it is sent and settled, unless the ledger itself has failed.
        if (stopped.reasonCode === 'ledger') halt.stop(stopped);
      }
      tellUndated(intake, options, emit);
      await dispatcher.idle();
      if (stopped !== null) halt.stop(stopped);
      if (!halt.signal.aborted) await takeClosingLooks({ ledger, looker, writer, emit, stopped: halt.signal, startedAt });
      await settled.flush();
      await writer.flush();
    } catch (error) {
      const stop = asStop(error);
      if (stop === null) throw error;
      halt.stop(stop);
      await settled.flush();
    }
    // Nothing is left to stop: a run that did all its work isn't called stopped because closing its files took longer.
    liftMaxDuration();
    ledgerFile.check();
    return await conclude(context, { tally, page, repeat: repeat ?? null, halt, emit });
  } finally {
    release();
    liftMaxDuration();
    ledgerFile.release();
    for (const close of closing) await close();
    await stages.close();
    await reports.close().catch(() => {}); // closed already where all went well
  }
}

/** Workers do what a dispatcher does. Loaded where it is wanted only. */
async function distributed(
  { runId, options, intake, ledger, clock, startedAt }: RunContext,
  given: Omit<Distribution, 'runId' | 'options' | 'inputs' | 'ledger' | 'clock' | 'startedAt'>,
): Promise<Coordinator> {
  const { distribute } = await import('./cluster/distribute.js');
  const inputs = intake.inputs.map(({ csv }) => csv.source.path);
  return distribute({ ...given, runId, options, inputs, ledger, clock, startedAt });
}
