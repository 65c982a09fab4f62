import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, type Runner, run, type WorkerPool } from 'graphile-worker';
import { openPool } from '../ledger/postgres-session.js';
import type { LedgerAddress } from '../ledger-address.js';
import { type ChunkJob, QUEUE_SCHEMA, TASK } from './queue-names.js';
import { beginQueueSchema, queueProblem } from './queue-schema.js';

export interface QueueRunner {
  /** How the queue calls this process in its locks. */
  readonly poolId: string;
  /** Takes no more jobs; resolves when those under way have ended. */
  stop(): Promise<void>;
  /** Rejects where the queue can't go on. */
  readonly ended: Promise<void>;
}

/** Makes the queue's tables, or brings them up to date. @throws UserError where it can't */
export async function prepareQueue(address: LedgerAddress): Promise<void> {
  const pool = openPool({ address, name: 'queue', max: 1 });
  try {
    await beginQueueSchema(pool);
    const utils = await makeWorkerUtils({ pgPool: pool, schema: QUEUE_SCHEMA, logger: quiet(() => {}) });
    await utils.migrate();
    // Each run has queues of its own.
    await utils.cleanup({ tasks: ['GC_JOB_QUEUES'] });
    await utils.release();
  } catch (error) {
    throw queueProblem(error, address);
  } finally {
    await pool.end();
  }
}

/** Takes jobs as they come: told by the database at once, and asked for now and then. @throws UserError where it can't */
export async function startQueue(options: {
  readonly address: LedgerAddress;
  /** Jobs at the same time. */
  readonly jobs: number;
  readonly work: (job: ChunkJob) => Promise<void>;
  readonly onError: (message: string) => void;
}): Promise<QueueRunner> {
  const { address, jobs, work, onError } = options;
  const pool = openPool({ address, name: 'queue', max: POOL_CONNECTIONS });
  let runner: Runner;
  let poolId = '';
  try {
    await beginQueueSchema(pool);
    runner = await run({
      pgPool: pool,
      schema: QUEUE_SCHEMA,
      logger: quiet(onError),
      noHandleSignals: true,
      parsedCronItems: [],
      // Written by `ask` alone.
      taskList: { [TASK]: (payload) => work(payload as ChunkJob) },
      preset: {
        worker: {
          concurrentJobs: jobs,
          pollInterval: POLL_MS,
          // At once: those that wait to be told get lost when the process ends.
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      events: eventsWith((workerPool) => {
        poolId = workerPool.id;
      }),
    });
  } catch (error) {
    await pool.end();
    throw queueProblem(error, address);
  }
  runner.promise.catch(() => {}); // told by `ended`
  return {
    poolId,
    ended: runner.promise,
    async stop() {
      await runner.stop().catch(() => {}); // it has stopped by itself
      await pool.end();
    },
  };
}

const POLL_MS = 1000;
/** One to be told of new jobs, and some to take them: none is held while a job is at work. */
const POOL_CONNECTIONS = 3;

function eventsWith(onPool: (pool: WorkerPool) => void) {
  const events = new EventEmitter() as NonNullable<Parameters<typeof run>[0]['events']>;
  events.on('pool:create', ({ workerPool }) => onPool(workerPool));
  return events;
}

/** The queue's own log is of no interest but for what goes wrong. */
function quiet(onError: (message: string) => void): Logger {
  return new Logger(() => (level, message) => {
    // Behind the first line is a stack.
    if (level === 'error') onError(message.split('\n', 1)[0] ?? '');
  });
}
