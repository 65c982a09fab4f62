import { createHalt, type Halt } from '../dispatch/halt.js';
import { StoppedError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedger } from '../ledger/open.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { Clock, Emit, NoteKey, RunId, SourceInput } from '../model.js';
import { openStages, type Stages } from '../run/stages.js';
import { toInputs } from './chunk-rows.js';
import { createSharedPace } from './shared-pace.js';
import type { ToldEvent } from './words.js';
import type { DistributedRun, WorkerStore } from './worker-store.js';

/** A run that this worker takes part in: its place in the ledger, and the stages that send. */
export interface RunSession {
  readonly number: number;
  readonly runId: RunId;
  readonly stages: Stages;
  readonly halt: Halt;
  readonly inputs: readonly SourceInput[];
  /** Notes found by looking, before the run's first row or here. */
  readonly recovered: Set<NoteKey>;
  readonly emit: Emit;
  /** What happened since it was asked last. */
  events(): readonly ToldEvent[];
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly address: LedgerAddress;
  readonly store: Pick<WorkerStore, 'stop' | 'pace'>;
  readonly number: number;
  readonly run: DistributedRun;
  readonly apiKey: string;
  readonly baseUrl: URL;
  /** null: the run's. */
  readonly concurrency: number | null;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly emit: Emit;
}

/** @throws UserError where the ledger refuses this worker's key or address */
export async function openRunSession(given: SessionOptions): Promise<RunSession> {
  const { address, store, number, run, apiKey, baseUrl, clock, env } = given;
  const { inputs: paths, startedAt, mayAllBeRefused, recovered, ...rest } = run.options;
  const options = { ...rest, apiKey, baseUrl, concurrency: given.concurrency ?? rest.concurrency };
  const ledger: Ledger = await openLedger({
    address,
    runId: run.runId,
    what: `worker for run ${run.runId}`,
    target: { baseUrl: baseUrl.href, apiKey },
    sameAccount: false,
    now: clock.now,
    requestTimeoutMs: options.timeoutMs,
    joins: true,
  });
  const pending: ToldEvent[] = [];
  // Of what changes with each request only the last word is told.
  let underWay: { readonly now: ToldEvent | null; readonly told: ToldEvent | null } = { now: null, told: null };
  const emit: Emit = (event) => {
    if (event.type === 'under_way') underWay = { ...underWay, now: event };
    else if (isTold(event)) pending.push(event);
    given.emit(event);
  };
  const halt = createHalt((reason) => {
    if (reason.reasonCode !== 'signal') given.emit({ type: 'stopping', reasonCode: reason.reasonCode, reason: reason.message });
    if (!OWN_REASONS.has(reason.reasonCode)) store.stop(number, reason).catch(() => {}); // another worker will find the same
  });
  ledger.shared?.onLost((why) => halt.stop(new StoppedError('ledger', `This worker lost its place in the ledger: ${why}.`, true)));
  const inputs = toInputs(paths);
  const { rate } = options;
  const quota = createSharedPace({ rate, exchange: (news) => store.pace(number, rate, news), clock });
  const stages = openStages({
    runId: run.runId,
    isShared: true,
    quota,
    // The run's rate is kept by what is shared of it.
    options: { ...options, rate: null },
    ledger,
    halt,
    emit,
    clock,
    env,
    startedAt,
    inputCount: inputs.length,
    mayAllBeRefused: () => mayAllBeRefused || ledger.hadCreated,
  });
  return {
    number,
    runId: run.runId,
    stages,
    halt,
    inputs,
    recovered: new Set(recovered as readonly NoteKey[]),
    emit,
    events() {
      const { now, told } = underWay;
      if (now !== told && now !== null) pending.push(now);
      underWay = { now, told: now };
      return pending.splice(0);
    },
    async close() {
      await stages.close();
      await ledger.close();
    },
  };
}

/** What is the worker's own matter, and not the run's. */
const OWN_REASONS: ReadonlySet<string> = new Set(['ledger', 'signal']);

const TOLD: ReadonlySet<string> = new Set<ToldEvent['type']>([
  'request',
  'retry',
  'rate_limited',
  'looked',
  'surplus',
  'warning',
  'paused',
  'resumed',
]);

function isTold(event: Parameters<Emit>[0]): event is ToldEvent {
  return TOLD.has(event.type);
}
