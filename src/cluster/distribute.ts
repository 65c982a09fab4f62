import type { Halt } from '../dispatch/halt.js';
import type { FirstSeen } from '../ledger/first-seen.js';
import type { Ledger } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { Clock, Emit, NoteKey, RunId, SettledRow } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { quoteForShell } from '../shell-quote.js';
import { type Coordinator, startCoordinator } from './coordinator.js';
import { openCoordinatorStore } from './coordinator-store.js';
import { createPoisonSettler } from './poison.js';
import { prepareQueue } from './queue.js';

export interface Distribution {
  readonly runId: RunId;
  readonly options: ResolvedOptions;
  /** How the run's inputs are called in the labels of its rows. */
  readonly inputs: readonly string[];
  readonly mayAllBeRefused: boolean;
  readonly startedAt: number;
  readonly ledger: Ledger;
  readonly writer: LedgerWriter;
  readonly recovered: ReadonlySet<NoteKey>;
  readonly firstSeen: FirstSeen;
  readonly labelOf: (ordinal: number) => string;
  readonly report: (row: SettledRow) => Promise<void>;
  readonly clock: Clock;
  readonly halt: Halt;
  readonly emit: Emit;
}

/** Lets workers send what is submitted. @throws the driver's errors where the queue can't be made */
export async function distribute(run: Distribution): Promise<Coordinator> {
  const { runId, options, ledger, writer, firstSeen, labelOf, recovered, clock, halt, emit, report } = run;
  await prepareQueue(options);
  const { timeoutMs, concurrency, rate, retries, giveUpAfterMs, inDoubt, reconcileWaitMs, adopt, order, duplicates } = options;
  const store = await openCoordinatorStore({
    address: options,
    runId,
    options: {
      ...{ timeoutMs, concurrency, rate, retries, giveUpAfterMs, inDoubt, reconcileWaitMs, adopt, order, duplicates },
      baseUrl: options.baseUrl.href,
      inputs: run.inputs,
      startedAt: run.startedAt,
      mayAllBeRefused: run.mayAllBeRefused,
      recovered: [...recovered],
    },
  });
  return startCoordinator({
    ...{ store, clock, halt, emit, report, firstSeen, labelOf, duplicates },
    settlePoisoned: createPoisonSettler({ runId, ledger, writer, firstSeen, labelOf, recovered }),
    startWorker: `memory-import worker --ledger ${quoteForShell(options.ledger)}`,
  });
}
