import type { Readable } from 'node:stream';
import { createClient } from './callers/client.js';
import { createPageSense, judge } from './callers/reconcile.js';
import { realClock } from './clock.js';
import { createAdopter } from './dispatch/adopt.js';
import { createAim } from './dispatch/aim.js';
import { createDispatcher, type Dispatcher } from './dispatch/dispatch.js';
import { closingLook, settleOldDoubts } from './dispatch/doubts.js';
import { checkFreshLedger, SAMPLED_CONTACTS } from './dispatch/fresh-ledger.js';
import { createGate } from './dispatch/gate.js';
import { asStop, createHalt, type Halt } from './dispatch/halt.js';
import { createLooker } from './dispatch/look.js';
import { StoppedError } from './errors.js';
import { type Intake, openIntake } from './intake.js';
import { createFirstSeen, type FirstSeen } from './ledger/first-seen.js';
import type { Ledger, RunRecord } from './ledger/ledger.js';
import { openLedger } from './ledger/sqlite.js';
import { createLedgerWriter, type LedgerWriter } from './ledger/writer.js';
import { contentHash, withOccurrence } from './map/fingerprint.js';
import type { Clock, Emit, ImportEvent, Outcome, RunId, RunSummary, SettledRow } from './model.js';
import { type ImportOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { type CsvReports, openCsvReports } from './report/csv-reports.js';
import { publicMessage } from './report/public-message.js';
import { createRunFolder, newRunId } from './report/run-folder.js';
import { createTally, summary, type Tally, writeSummary } from './report/summary.js';
import { type PreparedRow, prepareRows } from './rows.js';
import { gatherSettledRows } from './settled-rows.js';
import { USER_AGENT } from './version.js';

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
}

/**
 * Loads CSV notes into Callers as contact memories, each exactly once: read → map → claim → dispatch → settle → report.
 * Running it again after anything creates only what isn't there yet.
 *
 * @returns the summary, also where the run stopped by itself or was interrupted (`status`)
 * @throws UserError (and OptionsError) where it can't start: nothing was sent; LedgerHeldError where another run holds the ledger
 */
export async function importMemories(options: ImportOptions, hooks: ImportHooks = {}): Promise<RunSummary> {
  const clock = hooks.clock ?? realClock;
  const startedAt = clock.now();
  const env = hooks.env ?? process.env;
  const resolved = resolveOptions(options, env);
  const intake = await openIntake(resolved, hooks.stdin);
  try {
    const runId = newRunId(startedAt, clock.random);
    const ledger = openLedger({
      path: resolved.ledger,
      runId,
      what: `import ${resolved.inputs.join(' ')}`,
      target: { baseUrl: resolved.baseUrl.href, apiKey: resolved.apiKey },
      sameAccount: resolved.sameAccount,
      now: clock.now,
    });
    try {
      const folder = await createRunFolder(resolved.out, runId);
      const reports = await openCsvReports({ folder, inputCount: resolved.inputs.length });
      return await run({ runId, options: resolved, intake, ledger, folder, reports, clock, startedAt, env, hooks });
    } finally {
      await ledger.close();
    }
  } finally {
    await intake.close();
  }
}

interface Run {
  readonly runId: RunId;
  readonly options: ResolvedOptions;
  readonly intake: Intake;
  readonly ledger: Ledger;
  readonly folder: string;
  readonly reports: CsvReports;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hooks: ImportHooks;
}

/** The stages, wired, from the first look at what earlier runs left to the last look at what this one did. */
async function run(context: Run): Promise<RunSummary> {
  const { runId, options, intake, ledger, reports, clock, hooks } = context;
  const tally = createTally(clock.now);
  const halt = createHalt(({ reasonCode, message }) => emit({ type: 'stopping', reasonCode, reason: message }));
  const emit: Emit = (event) => {
    tally.consume(event);
    hooks.onEvent?.(event);
    if (event.type === 'rows_settled') stopAtTooManyFailures({ tally, options, halt });
  };
  const release = stopOnSignal(hooks.signal, halt);
  const api = createClient({
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs,
    connections: options.concurrency,
    userAgent: USER_AGENT,
    env: context.env,
  });

  try {
    await ledger.saveRun(runRecord(context, null));
    emit({ type: 'run_started', runId, baseUrl: options.baseUrl.href, inputs: options.inputs, totalBytes: intake.totalBytes });
    for (const { csv } of intake.inputs) {
      reports.inputOpened(csv.source, csv.rawHeader);
      emit({ type: 'input_opened', input: csv.source });
    }

    const rows = prepareRows(intake, options.limit);
    const writer = createLedgerWriter({ ledger });
    const retakesFailures = () => intake.inputs.some(({ csv }) => csv.source.isFailuresFile);
    const gate = createGate({ api, clock, halt, emit, aim: createAim(halt, retakesFailures), ...options });
    const pages = createPageSense();
    const looker = createLooker({
      gate,
      ledger,
      flush: writer.flush,
      judge,
      hashOf: contentHash,
      skewMs: api.clockSkewMs,
      pages,
      clock,
      stopped: halt.signal,
      reconcileWaitMs: options.reconcileWaitMs,
      retries: options.retries,
      onLooked: (found) => emit({ type: 'looked', row: null, found }),
    });
    const settled = gatherSettledRows({ emit, write: reports.write, onFailure: halt.stop });
    const firstSeen = createFirstSeen();

    try {
      const recoveredBefore = await settleOldDoubts({ ledger, writer, looker, emit, stopped: halt.signal, inDoubt: options.inDoubt });
      const dispatcher = createDispatcher({
        gate,
        looker,
        adopter: options.adopt
          ? createAdopter({ looker, ledger, flush: writer.flush, hashOf: contentHash, isSuspectPage: pages.isSuspect })
          : null,
        writer,
        clock,
        halt,
        emit,
        report: settled.add,
        firstSeen,
        labelOf: rows.labelOf,
        recoveredBefore,
        withOccurrence,
        publicMessage,
        inputCount: intake.inputs.length,
        ...options,
      });
      const check = ledger.wasEmpty && !options.adopt;
      const batches = check ? afterFreshLedgerCheck(rows.batches(halt.signal), looker, options) : rows.batches(halt.signal);
      let stopped: StoppedError | null = null;
      try {
        for await (const batch of batches) {
          await admit(batch, { ledger, writer, dispatcher, firstSeen, settled, rows, recoveredBefore, options });
          emit({ type: 'bytes_read', bytes: intake.bytesRead() });
          if (halt.signal.aborted) break;
        }
      } catch (error) {
        stopped = asStop(error);
        if (stopped === null) throw error;
        // What was read before is good: it is sent and settled, unless the ledger itself has failed.
        if (stopped.reasonCode === 'ledger') halt.stop(stopped);
      }
      await dispatcher.idle();
      if (stopped !== null) halt.stop(stopped);
      if (!halt.signal.aborted) for (const note of dispatcher.sentAgain) await closingLook(note, { looker, writer, emit });
      await settled.flush();
      await writer.flush();
    } catch (error) {
      const stop = asStop(error);
      if (stop === null) throw error;
      halt.stop(stop);
      await settled.flush();
    }
    return await conclude({ context, tally, halt });
  } finally {
    release();
    await api.close();
    await reports.close().catch(() => {}); // closed already where all went well
  }
}

interface Admission {
  readonly ledger: Ledger;
  readonly writer: LedgerWriter;
  readonly dispatcher: Dispatcher;
  readonly firstSeen: FirstSeen;
  readonly settled: { add(row: SettledRow): Promise<void> };
  readonly rows: { labelOf(ordinal: number): string };
  readonly options: ResolvedOptions;
}

const LOOKUP_BATCH = 256;

/** claim, its cheap half: what is known to be imported is settled here, and only the rest takes its place in a lane. */
async function admit(
  batch: readonly PreparedRow[],
  admission: Admission & { readonly recoveredBefore: ReadonlySet<number> },
): Promise<void> {
  const { ledger, writer, dispatcher, firstSeen, settled, rows, recoveredBefore, options } = admission;
  for (let from = 0; from < batch.length; from += LOOKUP_BATCH) {
    const part = batch.slice(from, from + LOOKUP_BATCH);
    const known = await ledger.lookup(part.flatMap((row) => (row.kind === 'mapped' ? [row.draft.fingerprint] : [])));
    let next = 0;
    const taken: Promise<void>[] = [];
    for (const row of part) {
      if (row.kind === 'failed') {
        const { source, failure } = row;
        const { class: failureClass, status, message, attempts } = failure;
        await writer.fail({ input: source.input.index, row: source.row, class: failureClass, status, message, attempts });
        taken.push(settled.add({ source, draft: null, outcome: failure }));
        continue;
      }
      const note = known[next++] ?? null;
      const isImported = note?.state === 'created' && !recoveredBefore.has(note.key);
      if (note === null || !isImported || (options.duplicates === 'create' && firstSeen.has(note.key))) {
        await dispatcher.submit(row);
        continue;
      }
      const first = firstSeen.meet(note.key, row.ordinal);
      const { memoryId, createdAt } = note;
      const changed = row.draft.inputHash !== null && row.draft.inputHash !== note.inputHash;
      const outcome: Outcome =
        first === null
          ? { kind: 'already_imported', memoryId, createdAt, changed }
          : { kind: 'duplicate', firstRow: rows.labelOf(first), memoryId, createdAt };
      taken.push(settled.add({ source: row.source, draft: row.draft, outcome }));
    }
    await Promise.all(taken);
  }
}

/** Looks at some contacts of the input's beginning before the first row is let through. */
async function* afterFreshLedgerCheck(
  batches: AsyncGenerator<readonly PreparedRow[]>,
  looker: Parameters<typeof checkFreshLedger>[0]['looker'],
  options: ResolvedOptions,
): AsyncGenerator<readonly PreparedRow[]> {
  const beginning: (readonly PreparedRow[])[] = [];
  const contacts = new Set<string>();
  let count = 0;
  const check = async () => {
    const drafts = beginning.flat().flatMap((row) => (row.kind === 'mapped' ? [row.draft] : []));
    await checkFreshLedger({ drafts, looker, hashOf: contentHash, ledgerPath: options.ledger });
  };
  try {
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      beginning.push(next.value);
      count += next.value.length;
      for (const row of next.value) if (row.kind === 'mapped') contacts.add(row.draft.contactId);
      if (contacts.size >= SAMPLED_CONTACTS || count >= FRESH_LEDGER_ROWS) break;
    }
  } catch (error) {
    // The reader stopped early: what it gave before is checked and let through first.
    await check();
    yield* beginning;
    throw error;
  }
  await check();
  yield* beginning;
  yield* batches;
}

const FRESH_LEDGER_ROWS = 2000;

/** With a percentage: not before so many rows are settled. */
const PERCENT_FROM_ROWS = 100;

function stopAtTooManyFailures({ tally, options, halt }: { tally: Tally; options: ResolvedOptions; halt: Halt }): void {
  if (options.maxFailures === null) return;
  const { failed, rows } = tally.counts();
  const reached =
    'rows' in options.maxFailures
      ? failed >= options.maxFailures.rows
      : rows >= PERCENT_FROM_ROWS && failed * 100 >= options.maxFailures.percent * rows;
  if (!reached) return;
  const limit = 'rows' in options.maxFailures ? `${options.maxFailures.rows}` : `${options.maxFailures.percent}%`;
  halt.stop(
    new StoppedError(
      'too_many_failures',
      `${failed} of ${rows} rows failed, and --max-failures is ${limit}. See failures.csv; the same command goes on from here.`,
      true,
    ),
  );
}

function stopOnSignal(signal: AbortSignal | undefined, halt: Halt): () => void {
  if (signal === undefined) return () => {};
  const stop = () => halt.stop(new StoppedError('signal', 'Interrupted. The same command goes on from here.', true));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}

async function conclude({ context, tally, halt }: { context: Run; tally: Tally; halt: Halt }): Promise<RunSummary> {
  const { runId, options, ledger, folder, reports, clock, startedAt, hooks } = context;
  const paths = await reports.close().catch((error: unknown) => {
    const message = `A report file can't be written: ${error instanceof Error ? error.message : String(error)}`;
    halt.stop(new StoppedError('report_files', message, true, { cause: error }));
    return null;
  });
  const { reason } = halt;
  const stop = reason === null ? null : { reasonCode: reason.reasonCode, reason: reason.message, continues: reason.continues };
  const files =
    paths === null
      ? {}
      : { success: paths.success, failures: paths.failures, ...(paths.malformed === undefined ? {} : { malformed: paths.malformed }) };
  const result = summary({ runId, inputs: options.inputs, startedAt, finishedAt: clock.now(), stop, files, tally });
  // The run is over and its outcomes are safe: what can't be written now must not hide them.
  await writeSummary(folder, result).catch(() => {});
  await ledger.saveRun(runRecord(context, result)).catch(() => {});
  hooks.onEvent?.({ type: 'run_finished', summary: result });
  return result;
}

/** What `runs` and `report` need: never the key. */
function runRecord({ runId, options, intake, folder, startedAt }: Run, result: RunSummary | null): RunRecord {
  const { baseUrl, subOrg, map, set, delimiter, encoding, idColumn, duplicates, limit, only } = options;
  return {
    runId,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: result?.finishedAt ?? null,
    status: result?.status ?? 'running',
    inputs: intake.inputs.map(({ file }) => ({ path: file.path, bytes: file.totalBytes, sha256: file.sha256() })),
    out: folder,
    options: { baseUrl: baseUrl.href, subOrg, map, set, delimiter, encoding, idColumn, duplicates, limit, only },
    summary: result,
  };
}
