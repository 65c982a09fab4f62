import type { Lesson } from '../dispatch/contact-lessons.js';
import { createLine, GIVE_UP_MS, inPostgresTransaction } from '../ledger/postgres-line.js';
import { openSession, type PostgresRow, type Session, type Statement, toText } from '../ledger/postgres-session.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { RunId } from '../model.js';
import { ASK, askValues } from './ask.js';
import { FORSAKEN, MOST_BARREN, removeAll, STOP } from './coordinator-store.js';
import { ADD_LESSONS, LESSONS, lessonValues, type ToldLesson, toLesson } from './lessons.js';
import type { ChunkJob } from './queue-names.js';
import { GRANT_MS, type PaceAnswer, type PaceNews } from './shared-pace.js';
import type { ChunkRow, RunOptions, Stop, Told } from './words.js';

/** What a worker writes and reads beside the ledger. All of it throws LedgerError where Postgres can't be had. */
export interface WorkerStore {
  /** The others know by this which of the queue's pools is this process. */
  register(poolId: string): Promise<void>;
  /** null: the run is over. */
  run(number: number): Promise<DistributedRun | null>;
  /** Of these runs, those that go on, and why one is to end. Runs whose coordinator has died are removed, with the notes' texts. */
  states(numbers: readonly number[]): Promise<ReadonlyMap<number, Stop | null>>;
  /** The lowest chunk of the partition that isn't done; null: there is none, or it isn't to be had. */
  take(job: ChunkJob): Promise<TakenChunk | null>;
  /** False: the chunk is another worker's by now, and nothing was told. */
  tell(chunk: TakenChunk, news: ChunkNews): Promise<boolean>;
  stop(run: number, stop: Stop): Promise<void>;
  /** @param rate the whole run's; null: it has none */
  pace(run: number, rate: number | null, news: PaceNews): Promise<PaceAnswer>;
  close(): Promise<void>;
}

export interface DistributedRun {
  readonly runId: RunId;
  readonly options: RunOptions;
  readonly stop: Stop | null;
}

export interface TakenChunk extends ChunkJob {
  readonly sequence: number;
  readonly attempt: number;
  readonly rows: readonly ChunkRow[];
  /** Places of rows that an earlier attempt has settled. */
  readonly settled: ReadonlySet<number>;
  readonly lessons: readonly Lesson[];
}

export interface ChunkNews {
  /** Counts what was told of this attempt, from 1. */
  readonly batch: number;
  readonly told: Told;
  readonly lessons: readonly ToldLesson[];
  /** `done`: every row has its outcome. `returned`: the rest is for others; `failed`: and the attempt counts, because of this. null: it goes on. */
  readonly end: { readonly kind: 'done' | 'returned' } | { readonly kind: 'failed'; readonly problem: string } | null;
}

/** @param owner the worker's number among those that write the ledger */
export function openWorkerStore({ address, owner }: { readonly address: LedgerAddress; readonly owner: number }): WorkerStore {
  const line = createLine({
    address,
    open: () => openSession({ address, name: `worker ${owner}`, patienceMs: 60_000 }),
    giveUpMs: GIVE_UP_MS,
    inTurn: true,
  });
  // Of its own: a share of the rate mustn't wait behind a chunk.
  const pacing = createLine({
    address,
    open: () => openSession({ address, name: `worker ${owner} pace`, patienceMs: 60_000 }),
    giveUpMs: GIVE_UP_MS,
    inTurn: true,
  });
  const transaction = <T>(work: (session: Session, again: boolean) => Promise<T>): Promise<T> =>
    line.run((session, again) => inPostgresTransaction(session, () => work(session, again)));

  return {
    async register(poolId) {
      await line.run((session) => session.query(REGISTER, [owner, poolId]));
    },
    run: (number) =>
      line.run(async (session) => {
        const [row] = await session.query(RUN, [number]);
        if (row === undefined) return null;
        // Written by a coordinator of ours.
        return { runId: row.run_id as RunId, options: row.options as RunOptions, stop: toStop(row) };
      }),
    states: (numbers) =>
      transaction(async (session) => {
        await removeAll(session, FORSAKEN);
        const rows = await session.query(STATES, [numbers]);
        return new Map(rows.map((row) => [Number(row.run_number), toStop(row)]));
      }),
    take: ({ run, partition }) =>
      transaction(async (session) => {
        const [row] = await session.query(TAKE, [run, partition, owner]);
        if (row === undefined) return null;
        const rows = row.rows as ChunkRow[]; // written by a coordinator of ours
        const contacts = [...new Set(rows.map(({ draft }) => toText(draft.contactId)))];
        const lessons = await session.query(LESSONS, [run, JSON.stringify(contacts)]);
        return {
          ...{ run, partition, rows },
          sequence: Number(row.sequence),
          attempt: Number(row.attempt),
          settled: new Set(row.settled as number[]),
          lessons: lessons.map(toLesson),
        };
      }),
    tell: ({ run, partition, sequence, attempt }, { batch, told, lessons, end }) =>
      transaction(async (session, again) => {
        const places = told.rows.map(({ place }) => place);
        const problem = end?.kind === 'failed' ? end.problem : null;
        const values = [run, partition, sequence, owner, attempt, batch, places, end?.kind ?? null, problem];
        const [taken] = await session.query(TELL, values);
        // The first try may have taken place, its answer being lost.
        if (taken === undefined) return again && (await session.query(WAS_TOLD, [run, partition, sequence, attempt, batch])).length > 0;
        if (told.rows.length > 0 || told.events.length > 0) await session.query(ADD_TOLD, [run, owner, JSON.stringify(told)]);
        if (lessons.length > 0) await session.query(ADD_LESSONS, lessonValues(run, lessons));
        const isWanted = end?.kind === 'returned' || (end?.kind === 'done' && (await session.query(HAS_MORE, [run, partition])).length > 0);
        if (isWanted) await session.query(ASK, askValues({ run, partition }));
        return true;
      }),
    async stop(run, stop) {
      await line.run((session) => session.query(STOP, [run, JSON.stringify(stop)]));
    },
    pace: (run, rate, { wants, found, holdMs }) =>
      pacing.run((session) =>
        inPostgresTransaction(session, async () => {
          const [held] = await session.query(HOLD, [run, holdMs]);
          if (held === undefined) return { granted: 0, foundByOthers: null, holdMs: 0 }; // the run is over
          const [row] = await session.query(SHARE, [run, owner, wants, found, rate, GRANT_MS]);
          return {
            granted: Number(row?.granted ?? 0),
            foundByOthers: row?.found_by_others == null ? null : Number(row.found_by_others),
            holdMs: Math.max(0, Number(held.hold_ms)),
          };
        }),
      ),
    async close() {
      await line.close();
      await pacing.close();
    },
  };
}

function toStop({ stop }: PostgresRow): Stop | null {
  return stop as Stop | null; // written by a process of ours
}

const REGISTER: Statement = {
  name: 'register',
  text: `INSERT INTO memory_import.worker (owner_number, pool_id) VALUES ($1, $2) ON CONFLICT (owner_number) DO UPDATE SET pool_id = excluded.pool_id`,
};
const RUN: Statement = {
  name: 'distributed_run',
  text: `SELECT run.run_id, d.options, d.stop FROM memory_import.distribution AS d JOIN memory_import.run AS run USING (run_number) WHERE run_number = $1`,
};
const STATES: Statement = {
  name: 'distribution_states',
  text: 'SELECT run_number, stop FROM memory_import.distribution WHERE run_number = ANY ($1::integer[])',
};
// Running already and ours: the answer to the first try was lost.
const TAKE: Statement = {
  name: 'take_chunk',
  text: `WITH head AS (
      SELECT run_number, partition, sequence FROM memory_import.chunk
      WHERE run_number = $1 AND partition = $2 AND state <> 'done' ORDER BY sequence LIMIT 1 FOR UPDATE)
    UPDATE memory_import.chunk AS c SET state = 'running', owner_number = $3, attempt = c.attempt + 1, batch = 0, began_with = cardinality(c.settled)
    FROM head, memory_import.distribution AS d
    WHERE c.run_number = head.run_number AND c.partition = head.partition AND c.sequence = head.sequence
      AND d.run_number = c.run_number AND d.stop IS NULL AND c.barren < ${MOST_BARREN}
      AND (c.state = 'ready' OR c.owner_number = $3)
    RETURNING c.sequence, c.attempt, c.rows, c.settled`,
};
const TELL: Statement = {
  name: 'tell',
  text: `UPDATE memory_import.chunk SET batch = $6, settled = settled || $7::integer[],
      state = CASE WHEN $8::text IS NULL THEN 'running' WHEN $8 = 'done' THEN 'done' ELSE 'ready' END,
      rows = CASE WHEN $8 = 'done' THEN NULL ELSE rows END,
      owner_number = CASE WHEN $8::text IS NULL THEN owner_number END,
      barren = CASE WHEN cardinality(settled || $7::integer[]) > began_with THEN 0 WHEN $8 = 'failed' THEN barren + 1 ELSE barren END,
      problem = coalesce($9, problem)
    WHERE run_number = $1 AND partition = $2 AND sequence = $3 AND state = 'running' AND owner_number = $4 AND attempt = $5 AND batch = $6 - 1
    RETURNING 1`,
};
const WAS_TOLD: Statement = {
  name: 'was_told',
  text: 'SELECT 1 FROM memory_import.chunk WHERE run_number = $1 AND partition = $2 AND sequence = $3 AND attempt = $4 AND batch = $5',
};
const ADD_TOLD: Statement = {
  name: 'add_told',
  text: 'INSERT INTO memory_import.told (run_number, worker, content) VALUES ($1, $2, $3)',
};
const HAS_MORE: Statement = {
  name: 'has_more',
  text: `SELECT 1 FROM memory_import.chunk WHERE run_number = $1 AND partition = $2 AND state = 'ready' LIMIT 1`,
};
// Its lock makes the workers ask one after the other: what is granted in all is never more than the rate.
const HOLD: Statement = {
  name: 'hold_pace',
  text: `UPDATE memory_import.distribution
    SET held_until = CASE WHEN $2::double precision > 0 THEN greatest(held_until, clock_timestamp() + $2::double precision * interval '1 millisecond') ELSE held_until END
    WHERE run_number = $1
    RETURNING CASE WHEN held_until > clock_timestamp() THEN extract(epoch FROM held_until - clock_timestamp())::double precision * 1000 ELSE 0 END AS hold_ms`,
};
// At least an equal part of the rate, and what the others leave of theirs; but not what they still have.
const SHARE: Statement = {
  name: 'share_pace',
  text: `WITH others AS (
      SELECT wants, found, CASE WHEN until > clock_timestamp() THEN granted ELSE 0 END AS granted FROM memory_import.pace
      WHERE run_number = $1 AND owner_number <> $2 AND asked_at > clock_timestamp() - interval '2 seconds'),
    part AS (SELECT $5::double precision / (1 + count(*) FILTER (WHERE wants > 0)) AS equal FROM others),
    share AS (
      SELECT greatest(0, least($3::double precision, $5::double precision - coalesce((SELECT sum(granted) FROM others), 0),
        greatest(equal, $5::double precision - coalesce((SELECT sum(least(wants, equal)) FROM others), 0)))) AS granted FROM part)
    INSERT INTO memory_import.pace (run_number, owner_number, wants, found, granted, until, asked_at)
    SELECT $1, $2, $3, $4, coalesce(granted, 0), clock_timestamp() + $6 * interval '1 millisecond', clock_timestamp() FROM share
    ON CONFLICT (run_number, owner_number) DO UPDATE SET wants = excluded.wants, found = excluded.found, granted = excluded.granted,
      until = excluded.until, asked_at = excluded.asked_at
    RETURNING granted, (SELECT avg(found) FROM others) AS found_by_others`,
};
