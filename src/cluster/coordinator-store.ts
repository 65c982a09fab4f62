import { createLine, GIVE_UP_MS, inPostgresTransaction } from '../ledger/postgres-line.js';
import { LOCK_CLASS } from '../ledger/postgres-schema.js';
import { openSession, type Session, type Statement } from '../ledger/postgres-session.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { RunId } from '../model.js';
import { ASK, askValues } from './ask.js';
import { ADD_LESSONS, lessonValues, type ToldLesson } from './lessons.js';
import type { ChunkRow, RunOptions, Stop, Told } from './words.js';

export interface ChunkName {
  readonly partition: number;
  readonly sequence: number;
}

/** What the coordinator of a run writes and reads beside the ledger. All of it throws LedgerError where Postgres can't be had. */
export interface CoordinatorStore {
  add(chunk: ChunkName & { readonly rows: readonly ChunkRow[] }): Promise<void>;
  /** What workers have told since, and the chunks that are done: all that was told of these is among it, or was before. */
  news(): Promise<{
    readonly told: readonly { readonly number: number; readonly worker: number; readonly said: Told }[];
    readonly done: readonly ChunkName[];
  }>;
  /** They were taken. */
  forget(news: { readonly told: readonly number[]; readonly done: readonly ChunkName[] }): Promise<void>;
  /** Gives chunks of dead workers to others, and sees to it that whatever is ready has a job. */
  sweep(): Promise<Sweep>;
  /** Tells the workers to end the run. */
  stop(stop: Stop): Promise<void>;
  /** Takes back what no worker runs. @returns what is left */
  withdraw(): Promise<readonly ChunkName[]>;
  /** Takes back one that no worker runs, its contacts being left open; false: one runs it. */
  withdrawOne(chunk: ChunkName, lessons: readonly ToldLesson[]): Promise<boolean>;
  /** Removes all that there is of the run. */
  close(): Promise<void>;
}

export interface Sweep {
  /** Processes that could take a chunk. */
  readonly workers: number;
  /** Why a worker has stopped the run; null: none has. */
  readonly stop: Stop | null;
  /** Chunks that were tried too often without getting on. */
  readonly poisoned: readonly (ChunkName & { readonly problem: string })[];
}

/** Attempts in a row that settle nothing: then a chunk's rows end as failures. */
export const MOST_BARREN = 5;

export async function openCoordinatorStore(given: {
  readonly address: LedgerAddress;
  readonly runId: RunId;
  readonly options: RunOptions;
}): Promise<CoordinatorStore> {
  const { address, runId, options } = given;
  const line = createLine({
    address,
    open: () => openSession({ address, name: 'coordinator', patienceMs: 60_000 }),
    giveUpMs: GIVE_UP_MS,
    inTurn: true,
  });
  const transaction = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    line.run((session) => inPostgresTransaction(session, () => work(session)));
  const run = await transaction(async (session) => {
    await removeAll(session, FORSAKEN);
    const [row] = await session.query(BEGIN, [runId, JSON.stringify(options)]);
    return Number(row?.run_number);
  });

  return {
    async add({ partition, sequence, rows }) {
      await transaction(async (session) => {
        await session.query(ADD, [run, partition, sequence, JSON.stringify(rows), rows.length]);
        await session.query(ASK, askValues({ run, partition }));
      });
    },
    news: () =>
      line.run(async (session) => {
        const done = (await session.query(DONE, [run])).map(toName);
        const told = await session.query(TOLD, [run]);
        return {
          told: told.map(({ told_number, worker, content }) => ({
            number: Number(told_number),
            worker: Number(worker),
            said: content as Told, // written by a worker of ours
          })),
          // Of one that is done more may have been told than was read.
          done: told.length < TOLD_AT_ONCE ? done : [],
        };
      }),
    async forget({ told, done }) {
      await line.run(async (session) => {
        if (told.length > 0) await session.query(FORGET_TOLD, [told]);
        if (done.length > 0)
          await session.query(FORGET_CHUNKS, [run, done.map(({ partition }) => partition), done.map(({ sequence }) => sequence)]);
      });
    },
    sweep: () =>
      transaction(async (session) => {
        await session.query(RECLAIM, [run]);
        await session.query(UNLOCK);
        for (const { partition } of await session.query(WITHOUT_JOB, [run]))
          await session.query(ASK, askValues({ run, partition: Number(partition) }));
        const [row] = await session.query(STATE, [run]);
        const poisoned = await session.query(POISONED, [run, MOST_BARREN]);
        return {
          workers: Number(row?.workers),
          stop: (row?.stop ?? null) as Stop | null, // written by `stop`, here or in a worker
          poisoned: poisoned.map((chunk) => ({ ...toName(chunk), problem: String(chunk.problem ?? '') })),
        };
      }),
    async stop(stop) {
      await line.run((session) => session.query(STOP, [run, JSON.stringify(stop)]));
    },
    withdraw: () =>
      line.run(async (session) => {
        await session.query(WITHDRAW, [run]);
        return (await session.query(LEFT, [run])).map(toName);
      }),
    withdrawOne: ({ partition, sequence }, lessons) =>
      transaction(async (session) => {
        if ((await session.query(WITHDRAW_ONE, [run, partition, sequence])).length === 0) return false;
        await session.query(ADD_LESSONS, lessonValues(run, lessons));
        return true;
      }),
    async close() {
      await transaction((session) => removeAll(session, 'run_number = $1', [run])).catch(() => {}); // the next coordinator does it
      await line.close();
    },
  };
}

/** Those whose coordinator has died, or has ended without it. */
export const FORSAKEN = `run_number IN (SELECT distribution.run_number FROM memory_import.distribution JOIN memory_import.owner USING (owner_number)
  WHERE ended_at IS NOT NULL OR taken_over_at IS NOT NULL)`;

/** In this order nothing is added behind it: whoever tells something has the chunk first, and whoever asks for its pace the run. */
export async function removeAll(session: Session, which: string, values: readonly unknown[] = []): Promise<void> {
  const runs = await session.query(`DELETE FROM memory_import.distribution WHERE ${which} RETURNING run_number`, values);
  if (runs.length === 0) return;
  const numbers = [runs.map(({ run_number }) => run_number)];
  for (const table of ['pace', 'chunk', 'told', 'lesson'])
    await session.query(`DELETE FROM memory_import.${table} WHERE run_number = ANY ($1::integer[])`, numbers);
}

function toName({ partition, sequence }: Readonly<Record<string, unknown>>): ChunkName {
  return { partition: Number(partition), sequence: Number(sequence) };
}

const TOLD_AT_ONCE = 200;

const BEGIN: Statement = {
  name: 'begin_distribution',
  text: `INSERT INTO memory_import.distribution (run_number, owner_number, options)
    SELECT run_number, owner_number, $2::json FROM memory_import.run WHERE run_id = $1
    ON CONFLICT (run_number) DO UPDATE SET options = excluded.options RETURNING run_number`,
};
// Not for a run that others have removed, since they thought that its coordinator was dead: nobody would remove it again.
const ADD: Statement = {
  name: 'add_chunk',
  text: `INSERT INTO memory_import.chunk (run_number, partition, sequence, state, rows, row_count)
    SELECT run_number, $2, $3, 'ready', $4::json, $5 FROM memory_import.distribution WHERE run_number = $1 FOR KEY SHARE
    ON CONFLICT (run_number, partition, sequence) DO NOTHING`,
};
const DONE: Statement = {
  name: 'done',
  text: `SELECT partition, sequence FROM memory_import.chunk WHERE run_number = $1 AND state = 'done'`,
};
const TOLD: Statement = {
  name: 'told',
  text: `SELECT told_number, worker, content FROM memory_import.told WHERE run_number = $1 ORDER BY told_number LIMIT ${TOLD_AT_ONCE}`,
};
const FORGET_TOLD: Statement = { name: 'forget_told', text: 'DELETE FROM memory_import.told WHERE told_number = ANY ($1::bigint[])' };
const FORGET_CHUNKS: Statement = {
  name: 'forget_chunks',
  text: `DELETE FROM memory_import.chunk AS c USING unnest($2::integer[], $3::integer[]) AS d (partition, sequence)
    WHERE c.run_number = $1 AND c.partition = d.partition AND c.sequence = d.sequence`,
};
// Ended, taken over, or its session is gone, and it hasn't come back: one that lost its connection for a moment takes its lock again.
const IS_DEAD = `(owner.ended_at IS NOT NULL OR owner.taken_over_at IS NOT NULL OR (owner.heartbeat < clock_timestamp() - interval '4 seconds'
  AND NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = ${LOCK_CLASS} AND objid = owner.owner_number)))`;
const RECLAIM: Statement = {
  name: 'reclaim',
  text: `UPDATE memory_import.chunk AS c SET state = 'ready', owner_number = NULL, problem = 'its worker died (process ' || owner.pid || ' on ' || owner.host || ')',
      barren = CASE WHEN cardinality(c.settled) > c.began_with THEN 0 ELSE c.barren + 1 END
    FROM memory_import.owner AS owner
    WHERE c.run_number = $1 AND c.state = 'running' AND owner.owner_number = c.owner_number AND ${IS_DEAD}`,
};
// A pool that nobody has told of may have begun a moment ago.
const UNLOCK: Statement = {
  name: 'unlock',
  text: `SELECT memory_import_queue.force_unlock_workers(array_agg(DISTINCT job.locked_by)) FROM memory_import_queue.jobs AS job
      LEFT JOIN memory_import.worker AS worker ON worker.pool_id = job.locked_by
      LEFT JOIN memory_import.owner AS owner ON owner.owner_number = worker.owner_number
    WHERE job.locked_by IS NOT NULL AND CASE WHEN owner.owner_number IS NULL THEN job.locked_at < clock_timestamp() - interval '5 seconds' ELSE ${IS_DEAD} END
    HAVING count(*) > 0`,
};
const WITHOUT_JOB: Statement = {
  name: 'without_job',
  text: `SELECT DISTINCT partition FROM memory_import.chunk AS c WHERE c.run_number = $1 AND c.state = 'ready'
      AND NOT EXISTS (SELECT 1 FROM memory_import_queue.jobs AS job WHERE job.key = 'memory-import:' || c.run_number || ':' || c.partition)
      AND NOT EXISTS (SELECT 1 FROM memory_import.chunk AS r WHERE r.run_number = c.run_number AND r.partition = c.partition AND r.state = 'running')`,
};
const STATE: Statement = {
  name: 'distribution_state',
  text: `SELECT (SELECT stop FROM memory_import.distribution WHERE run_number = $1) AS stop,
    (SELECT count(*) FROM memory_import.owner AS owner JOIN memory_import.worker USING (owner_number) WHERE NOT ${IS_DEAD}) AS workers`,
};
const POISONED: Statement = {
  name: 'poisoned',
  text: `SELECT partition, sequence, problem FROM memory_import.chunk WHERE run_number = $1 AND state = 'ready' AND barren >= $2`,
};
export const STOP: Statement = {
  name: 'stop_distribution',
  text: 'UPDATE memory_import.distribution SET stop = $2 WHERE run_number = $1 AND stop IS NULL',
};
const WITHDRAW: Statement = {
  name: 'withdraw',
  text: `DELETE FROM memory_import.chunk WHERE run_number = $1 AND state = 'ready'`,
};
const LEFT: Statement = { name: 'chunks_left', text: 'SELECT partition, sequence FROM memory_import.chunk WHERE run_number = $1' };
const WITHDRAW_ONE: Statement = {
  name: 'withdraw_one',
  text: `DELETE FROM memory_import.chunk WHERE run_number = $1 AND partition = $2 AND sequence = $3 AND state = 'ready' RETURNING 1`,
};
