import { realClock } from './clock.js';
import { startQueue } from './cluster/queue.js';
import type { ChunkJob } from './cluster/queue-names.js';
import { openRunSession, type RunSession } from './cluster/run-session.js';
import { workChunk } from './cluster/work-chunk.js';
import { openWorkerStore } from './cluster/worker-store.js';
import { LedgerError, StoppedError, UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import { openPostgresPresence, type Presence } from './ledger/postgres.js';
import { isPostgres } from './ledger-address.js';
import type { ImportEvent } from './model.js';
import { type ImportOptions, readConfig, resolveOptions } from './options.js';

/** What happens in a worker, beside what happens at the API for the runs that it takes part in. */
export type WorkerEvent =
  | Extract<
      ImportEvent,
      {
        readonly type:
          | 'request'
          | 'retry'
          | 'rate_limited'
          | 'looked'
          | 'surplus'
          /** Rows that this worker has settled: told, and taken as its own. */
          | 'rows_settled'
          | 'warning'
          | 'paused'
          | 'resumed'
          | 'under_way'
          | 'stopping';
      }
    >
  /** It waits for chunks. */
  | { readonly type: 'worker_ready' }
  | { readonly type: 'run_joined' | 'run_left'; readonly runId: string }
  | { readonly type: 'chunk_started'; readonly runId: string; readonly partition: number; readonly sequence: number; readonly rows: number }
  /** `settled` of its rows have got their outcome here. */
  | {
      readonly type: 'chunk_ended';
      readonly runId: string;
      readonly partition: number;
      readonly sequence: number;
      readonly settled: number;
    };

export interface WorkerOptions extends Pick<ImportOptions, 'config' | 'baseUrl' | 'apiKey' | 'apiKeyFile' | 'ledger' | 'concurrency'> {
  /** Milliseconds: it ends when there has been nothing to do for so long. null: it doesn't. */
  readonly idleExitMs?: number | null;
}

export interface WorkerHooks extends Pick<ImportHooks, 'signal' | 'env' | 'clock'> {
  /** Everything that happens, as it happens. It must not throw. */
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Called once, when the ledger is open and the queue is asked: from now on the worker takes chunks, as long as it is alive. */
  readonly onReady?: (presence: Pick<Presence, 'isAlive' | 'onLost'>) => void;
}

/** So many chunks at the same time: while one waits for the last of its rows others keep the pool busy. */
const JOBS = 4;
const WATCH_MS = 500;

/**
 * Takes part in the distributed runs of a ledger in Postgres, until `signal` aborts: what is under way is finished, the rest handed back.
 *
 * @throws UserError where it can't start; LedgerError where it can't go on: it was taken for dead, or Postgres is gone
 */
export async function runWorker({ idleExitMs = null, ...given }: WorkerOptions, hooks: WorkerHooks = {}): Promise<void> {
  const { signal, env = process.env, clock = realClock, onEvent = () => {}, onReady = () => {} } = hooks;
  const options = resolveOptions(given, env, { key: true, inputs: false });
  if (!isPostgres(options.ledger)) throw new UserError(`--ledger: expected postgres://…, which workers share, found ${options.ledger}`);
  const { baseUrl, apiKey, timeoutMs } = options;
  const concurrency = isGiven('concurrency', given) ? options.concurrency : null;
  const presence = await openPostgresPresence({
    address: options,
    what: 'worker',
    target: { baseUrl: baseUrl.href, apiKey },
    requestTimeoutMs: timeoutMs,
    now: clock.now,
  });
  const store = openWorkerStore({ address: options, owner: presence.number });
  const sessions = new Map<number, Promise<RunSession | null>>();
  const running = new Map<string, { readonly run: number }>();
  const over = new AbortController();
  let failure: unknown = null;
  let idleSince = clock.now();

  const end = (error: unknown = null): void => {
    failure ??= error;
    over.abort();
  };
  presence.onLost((why) =>
    end(new LedgerError(`This worker can't go on: ${why}. What it had taken goes on elsewhere. Start it again.`, { advice: '' })),
  );

  const join = async (number: number): Promise<RunSession | null> => {
    const run = await store.run(number);
    if (run === null || run.stop !== null || over.signal.aborted) return null;
    if (run.options.baseUrl !== baseUrl.href) {
      throw new UserError(
        `The run ${run.runId} sends to ${run.options.baseUrl}, and this worker's --base-url is ${baseUrl.href}: a key goes only where its worker was told. Start it with the run's address.`,
      );
    }
    const session = await openRunSession({ address: options, store, number, run, apiKey, baseUrl, concurrency, clock, env, emit: pass });
    if (over.signal.aborted) session.halt.stop(stopReason());
    onEvent({ type: 'run_joined', runId: run.runId });
    return { ...session, close: () => session.close().finally(() => onEvent({ type: 'run_left', runId: run.runId })) };
  };
  // Of the others nobody speaks here: they are the coordinator's.
  const pass = (event: ImportEvent): void => onEvent(event as WorkerEvent);
  const sessionOf = (number: number): Promise<RunSession | null> => {
    const known = sessions.get(number);
    if (known !== undefined) return known;
    const opening = join(number);
    sessions.set(number, opening);
    opening.then(
      (session) => session === null && sessions.delete(number),
      (error) => {
        sessions.delete(number);
        if (error instanceof UserError) end(error);
      },
    );
    return opening;
  };
  const leave = async (number: number): Promise<void> => {
    const session = await sessions.get(number)?.catch(() => null);
    if ([...running.values()].some(({ run }) => run === number)) return; // whoever works for it leaves
    sessions.delete(number);
    await session?.close();
  };

  const work = async ({ run, partition }: ChunkJob): Promise<void> => {
    const name = `${run}/${partition}`;
    if (over.signal.aborted || running.has(name)) return;
    running.set(name, { run });
    try {
      const session = await sessionOf(run);
      const chunk = session === null || session.halt.signal.aborted ? null : await store.take({ run, partition });
      if (session === null || chunk === null) return;
      const told = { runId: session.runId, partition, sequence: chunk.sequence };
      onEvent({ type: 'chunk_started', ...told, rows: chunk.rows.length - chunk.settled.size });
      const settled = await workChunk(chunk, session, store);
      onEvent({ type: 'chunk_ended', ...told, settled });
    } finally {
      running.delete(name);
      idleSince = clock.now();
      if ((await sessions.get(run)?.catch(() => null))?.halt.signal.aborted === true) await leave(run);
    }
  };

  /** Runs end, or are stopped by their coordinator or by another worker. */
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(WATCH_MS, over.signal);
      const numbers = [...sessions.keys()];
      const states = await store.states(numbers);
      for (const number of numbers) {
        const stop = states.get(number);
        if (stop === null) continue;
        const session = await sessions.get(number)?.catch(() => null);
        // What the run's coordinator knows already, or nobody any more.
        session?.halt.stop(new StoppedError('signal', stop?.message ?? 'The run has ended.', true));
        await leave(number);
      }
      if (idleExitMs !== null && running.size === 0 && clock.now() - idleSince >= idleExitMs) end();
    }
  };

  const stopReason = () => new StoppedError('signal', 'This worker was stopped. Its rows go on elsewhere.', true);
  const onSignal = (): void => end();
  try {
    const queue = await startQueue({
      address: options,
      jobs: JOBS,
      work,
      onError: (message) => onEvent({ type: 'warning', code: 'queue', message: `The queue: ${message}` }),
    });
    try {
      await store.register(queue.poolId);
      signal?.addEventListener('abort', onSignal, { once: true });
      if (signal?.aborted === true) end();
      queue.ended.then(() => end(), end);
      onReady(presence);
      onEvent({ type: 'worker_ready' });
      await watch().catch(end);
      // Nothing new is begun; what is under way is finished, and the rest goes back.
      for (const opening of sessions.values()) void opening.then((session) => session?.halt.stop(stopReason())).catch(() => {});
    } finally {
      await queue.stop();
    }
    await Promise.all([...sessions.keys()].map(leave));
  } finally {
    signal?.removeEventListener('abort', onSignal);
    await store.close();
    await presence.close();
  }
  if (failure !== null) throw failure;
}

/** By the call or its config file: what isn't is the run's. */
function isGiven(name: 'concurrency', given: Pick<ImportOptions, 'config' | 'concurrency'>): boolean {
  return given[name] !== undefined || (given.config !== undefined && Object.hasOwn(readConfig(given.config), name));
}
