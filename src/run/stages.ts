import { listByPhone } from '../callers/by-phone.js';
import { createClient } from '../callers/client.js';
import { createPageSense, judge, type PageSense } from '../callers/reconcile.js';
import { createAdopter } from '../dispatch/adopt.js';
import { createAim } from '../dispatch/aim.js';
import { createDispatcher, type Dispatcher, type DispatchOptions, mostClaimedAhead } from '../dispatch/dispatch.js';
import { createGate, type Gate, type Quota } from '../dispatch/gate.js';
import type { Halt } from '../dispatch/halt.js';
import { createLooker, type Looker } from '../dispatch/look.js';
import { createOthers } from '../dispatch/others.js';
import { tellLooking } from '../dispatch/tell-looking.js';
import type { Ledger } from '../ledger/ledger.js';
import { createLedgerWriter, type LedgerWriter } from '../ledger/writer.js';
import { contentHash, withOccurrence } from '../map/fingerprint.js';
import type { Clock, Emit, NoteKey, RunId } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { publicMessage } from '../report/public-message.js';
import { USER_AGENT } from '../version.js';

/** What claims, sends and settles rows: the same for an import in one process and for a worker. */
export interface Stages {
  readonly writer: LedgerWriter;
  readonly gate: Gate;
  readonly pages: PageSense;
  readonly looker: Looker;
  dispatcher(rows: DispatchedRows): Dispatcher;
  close(): Promise<void>;
}

export type DispatchedRows = Pick<DispatchOptions, 'report' | 'firstSeen' | 'labelOf' | 'lessons'> & {
  /** Notes that this run found by looking; those that are found from now on are added. */
  readonly recovered: Set<NoteKey>;
};

export type StageOptions = Pick<
  ResolvedOptions,
  | 'baseUrl'
  | 'apiKey'
  | 'timeoutMs'
  | 'concurrency'
  | 'rate'
  | 'retries'
  | 'giveUpAfterMs'
  | 'inDoubt'
  | 'reconcileWaitMs'
  | 'adopt'
  | 'order'
  | 'duplicates'
>;

export interface StagesContext {
  readonly runId: RunId;
  /** True: other processes work for the same run. */
  readonly isShared: boolean;
  /** What it shares with them of the run's pace; null: nothing. */
  readonly quota: Quota | null;
  readonly options: StageOptions;
  readonly ledger: Ledger;
  readonly halt: Halt;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds: when the run began. */
  readonly startedAt: number;
  readonly inputCount: number;
  /** False: where nothing but refusals comes back at first, the run is aimed at the wrong place. */
  readonly mayAllBeRefused: () => boolean;
}

/** Less than it takes to send what is claimed already, where the API is no faster than its network. */
const COMMIT_GAP_MS = 4;
/** At a limited rate each claim would have a commit of its own every 4 ms, while dozens of claimed notes wait for their turn. */
const LONG_COMMIT_GAP_MS = 20;

export function openStages({
  runId,
  isShared,
  quota,
  options,
  ledger,
  halt,
  emit,
  clock,
  env,
  startedAt,
  inputCount,
  mayAllBeRefused,
}: StagesContext): Stages {
  const { shared } = ledger;
  const enoughClaimed = mostClaimedAhead(options.concurrency) / 2;
  const writer = createLedgerWriter({
    ledger,
    gapMs: COMMIT_GAP_MS,
    longGapMs: LONG_COMMIT_GAP_MS,
    isPressing: () => gate.waiting < enoughClaimed,
  });
  const client = createClient({
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs,
    connections: options.concurrency,
    userAgent: USER_AGENT,
    env,
    now: clock.now,
    ...(shared === null ? {} : { mayCreate: shared.isAlive }),
  });
  const api = listByPhone(client, {
    contactOf: ledger.contactOf,
    learn: (address, contactId) => writer.learn({ address, contactId }),
  });
  const aim = createAim(halt, mayAllBeRefused);
  const gate = createGate({ api, clock, halt, emit, aim, publicMessage, shared, quota, ...options });
  const pages = createPageSense();
  const looker = tellLooking(
    createLooker({
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
      onLooked: (row, found) => emit({ type: 'looked', row, found }),
    }),
    emit,
  );

  return {
    writer,
    gate,
    pages,
    looker,
    dispatcher({ recovered, ...rows }) {
      const { giveUpAfterMs, inDoubt } = options;
      const stopped = halt.signal;
      return createDispatcher({
        ...options,
        ...rows,
        gate,
        looker,
        adopter: options.adopt
          ? createAdopter({
              looker,
              ledger,
              flush: writer.flush,
              hashOf: contentHash,
              isSuspectPage: pages.isSuspect,
              stopped,
              isShared: shared !== null,
            })
          : null,
        writer,
        lookup: ledger.lookup,
        lateMemory: shared?.lateMemory ?? null,
        others:
          shared === null
            ? null
            : createOthers({ shared, runId, looker, writer, clock, stopped, giveUpAfterMs, inDoubt, startedAt, recovered }),
        skewMs: api.clockSkewMs,
        clock,
        halt,
        emit,
        sharedRun: isShared ? runId : null,
        recoveredBefore: recovered,
        withOccurrence,
        publicMessage,
        inputCount,
      });
    },
    close: api.close,
  };
}
