import type { Submitted } from '../dispatch/claim.js';
import type { Dispatcher } from '../dispatch/dispatch.js';
import { asStop, asStopOfAny, type Halt } from '../dispatch/halt.js';
import { createPermits } from '../dispatch/permits.js';
import { StoppedError } from '../errors.js';
import type { FirstSeen } from '../ledger/first-seen.js';
import type { Clock, Emit, NoteKey, Outcome, SettledRow } from '../model.js';
import { identified, toChunkRow } from './chunk-rows.js';
import type { ChunkName, CoordinatorStore } from './coordinator-store.js';
import { createTwins } from './twins.js';
import type { ToldEvent, ToldRow } from './words.js';

/** Hands rows to workers, chunk by chunk, and takes back what became of them: a dispatcher like the one that sends them itself. */
export interface Coordinator extends Dispatcher {
  /** Removes what is left of the run's chunks. */
  close(): Promise<void>;
}

export interface CoordinatorOptions {
  readonly store: CoordinatorStore;
  readonly clock: Clock;
  readonly halt: Halt;
  readonly emit: Emit;
  readonly report: (row: SettledRow) => Promise<void>;
  readonly firstSeen: FirstSeen;
  readonly labelOf: (ordinal: number) => string;
  readonly duplicates: 'skip' | 'create';
  /** Settles rows that no worker could. */
  readonly settlePoisoned: (rows: readonly Submitted[], problem: string) => Promise<readonly Outcome[]>;
  /** How a worker is started, for a person. */
  readonly startWorker: string;
}

/** Contacts are spread over so many queues: so many chunks run at the same time, at most. */
const PARTITIONS = 32;
const CHUNK_ROWS = 200;
const CHUNK_BYTES = 512 * 1024;
/** Rows that are with the workers, or wait here for them. */
const WINDOW_BYTES = 48 * 1024 * 1024;
/** A row costs more than its bytes. */
const ROW_OVERHEAD_BYTES = 4096;
/** Where a partition has nothing to do its first rows wait no longer for company. */
const LINGER_MS = 50;
const SWEEP_MS = 1000;
const [FIRST_LOOK_MS, LAST_LOOK_MS] = [10, 150];

/** Rows of one partition, in order, on their way to a worker and back. */
interface Chunk extends ChunkName {
  readonly rows: readonly Submitted[];
  readonly isSettled: boolean[];
}

interface Partition {
  readonly number: number;
  waiting: Submitted[];
  waitingBytes: number;
  nextSequence: number;
  /** By sequence. */
  readonly chunks: Map<number, Chunk>;
}

export function startCoordinator(options: CoordinatorOptions): Coordinator {
  const { store, clock, halt, emit } = options;
  const window = createPermits(WINDOW_BYTES);
  const partitions = Array.from({ length: PARTITIONS }, (_, number): Partition => {
    return { number, waiting: [], waitingBytes: 0, nextSequence: 1, chunks: new Map() };
  });
  const taken = new Set<number>();
  const underWay = new Map<number, number>();
  const twins = createTwins(options);
  const ended = new AbortController();
  let bug: unknown = null;
  let linger: NodeJS.Timeout | null = null;
  let alone: 'unknown' | 'told' | 'helped' = 'unknown';
  let aloneSince = 0;
  let toldStop = false;

  const giveUp = (error: unknown): void => {
    if (asStop(error) === null) bug ??= error; // thrown by idle(): a bug is told as one
    halt.stop(asStopOfAny(error));
    forsake();
  };

  const leave = (row: Submitted): void => window.release(weightOf(row));

  /** What no worker has is given up. */
  const dropWaiting = (): void => {
    for (const partition of partitions) {
      for (const row of partition.waiting.splice(0)) leave(row);
      partition.waitingBytes = 0;
    }
  };
  const drop = ({ partition, sequence }: ChunkName): void => {
    const chunk = partitions[partition]?.chunks.get(sequence);
    if (chunk === undefined) return;
    partitions[partition]?.chunks.delete(sequence);
    chunk.rows.forEach((row, place) => {
      if (!chunk.isSettled[place]) leave(row);
    });
  };
  const forsake = (): void => {
    dropWaiting();
    for (const { chunks } of partitions) for (const chunk of [...chunks.values()]) drop(chunk);
  };

  const cut = (partition: Partition): void => {
    if (partition.waiting.length === 0 || halt.signal.aborted) return;
    const chunk: Chunk = {
      partition: partition.number,
      sequence: partition.nextSequence++,
      rows: partition.waiting,
      isSettled: partition.waiting.map(() => false),
    };
    partition.waiting = [];
    partition.waitingBytes = 0;
    partition.chunks.set(chunk.sequence, chunk);
    store.add({ partition: chunk.partition, sequence: chunk.sequence, rows: chunk.rows.map(toChunkRow) }).catch(giveUp);
  };
  const cutIdle = (): void => {
    linger = null;
    for (const partition of partitions) if (partition.chunks.size === 0) cut(partition);
  };

  const put = (row: Submitted): void => {
    if (halt.signal.aborted) {
      leave(row);
      return;
    }
    const partition = partitions[partitionOf(row.draft.contactId)]!;
    partition.waiting.push(row);
    partition.waitingBytes += row.source.bytes;
    if (partition.waiting.length >= CHUNK_ROWS || partition.waitingBytes >= CHUNK_BYTES) cut(partition);
    else if (partition.chunks.size === 0) linger ??= setTimeout(cutIdle, LINGER_MS);
  };

  const settle = (chunk: Chunk, told: ToldRow): void => {
    const row = chunk.rows[told.place];
    if (row === undefined || chunk.isSettled[told.place]) return;
    chunk.isSettled[told.place] = true;
    const outcome = twins.told(told.outcome, row, told.key as NoteKey | null);
    options
      .report({ source: row.source, draft: identified(row.draft, told.identity), outcome })
      .catch(giveUp)
      .finally(() => leave(row));
  };

  const tell = (event: ToldEvent, worker: number): void => {
    if (event.type !== 'under_way') {
      emit(event);
      return;
    }
    underWay.set(worker, event.requests);
    emit({ type: 'under_way', requests: [...underWay.values()].reduce((sum, requests) => sum + requests, 0) });
  };

  const takeNews = async (): Promise<boolean> => {
    const { told, done } = await store.news();
    for (const { number, worker, said } of told) {
      if (taken.has(number)) continue;
      taken.add(number);
      for (const event of said.events) tell(event, worker);
      const chunk = said.chunk === null ? undefined : partitions[said.chunk.partition]?.chunks.get(said.chunk.sequence);
      if (chunk !== undefined) for (const row of said.rows) settle(chunk, row);
    }
    for (const name of done) {
      const partition = partitions[name.partition]!;
      const chunk = partition.chunks.get(name.sequence);
      if (chunk === undefined) continue;
      if (chunk.isSettled.includes(false))
        throw new Error(`chunk ${name.partition}/${name.sequence} is done, and not all of its rows were told`);
      partition.chunks.delete(name.sequence);
      if (partition.chunks.size === 0) cut(partition);
    }
    const numbers = told.map(({ number }) => number);
    if (told.length > 0 || done.length > 0) await store.forget({ told: numbers, done });
    for (const number of numbers) taken.delete(number);
    return told.length > 0 || done.length > 0;
  };

  const sweep = async (): Promise<void> => {
    const { workers, stop, poisoned } = await store.sweep();
    if (stop !== null) halt.stop(new StoppedError(stop.reasonCode, stop.message, stop.continues));
    for (const { problem, ...name } of poisoned) {
      const chunk = partitions[name.partition]?.chunks.get(name.sequence);
      if (chunk !== undefined) await settleWithoutWorker(chunk, problem);
    }
    const isWaiting = partitions.some(({ chunks }) => chunks.size > 0);
    if (workers > 0) {
      if (alone === 'told') emit({ type: 'resumed', afterMs: clock.now() - aloneSince });
      alone = 'helped';
    } else if (isWaiting && alone !== 'told') {
      alone = 'told';
      aloneSince = clock.now();
      emit({ type: 'paused', cause: 'no_worker', why: `Waiting for a worker. On any machine: ${options.startWorker}` });
    }
  };

  const settleWithoutWorker = async (chunk: Chunk, problem: string): Promise<void> => {
    const lessons = chunk.rows.flatMap(({ draft: { contactId, subOrg }, ordinal }, place) => {
      return chunk.isSettled[place] ? [] : [{ contactId, subOrg, class: 'server_error', label: options.labelOf(ordinal) } as const];
    });
    if (!(await store.withdrawOne(chunk, lessons))) return;
    while (await takeNews()); // what the last attempt told before it ended
    const places = chunk.rows.flatMap((_, place) => (chunk.isSettled[place] ? [] : [place]));
    const rows = places.map((place) => chunk.rows[place]!);
    const outcomes = await options.settlePoisoned(rows, problem);
    for (const [i, place] of places.entries()) settle(chunk, { place, outcome: outcomes[i]!, key: null });
    const partition = partitions[chunk.partition]!;
    partition.chunks.delete(chunk.sequence);
    if (partition.chunks.size === 0) cut(partition);
  };

  /** The run is to end: what no worker runs is taken back, and what one runs is waited for. */
  const wind = async (): Promise<void> => {
    if (!toldStop && halt.reason !== null) {
      const { reasonCode, message, continues } = halt.reason;
      await store.stop({ reasonCode, message, continues });
      toldStop = true;
    }
    dropWaiting();
    const left = new Set((await store.withdraw()).map(({ partition, sequence }) => `${partition}/${sequence}`));
    // What was told of them before they were given back.
    while (await takeNews());
    for (const { chunks } of partitions) {
      for (const chunk of [...chunks.values()]) if (!left.has(`${chunk.partition}/${chunk.sequence}`)) drop(chunk);
    }
  };

  const look = async (): Promise<void> => {
    let waitMs = FIRST_LOOK_MS;
    let sweptAt = Number.NEGATIVE_INFINITY;
    while (!ended.signal.aborted) {
      if (halt.signal.aborted) await wind();
      const isNews = await takeNews();
      if (clock.now() - sweptAt >= SWEEP_MS) {
        sweptAt = clock.now();
        await sweep();
      }
      waitMs = isNews ? FIRST_LOOK_MS : Math.min(waitMs * 2, LAST_LOOK_MS);
      await clock.sleep(waitMs, ended.signal);
    }
  };
  const looking = look().catch(giveUp);

  return {
    submit(row) {
      const counted = twins.counted(row);
      if (!window.tryAcquire(weightOf(row))) return window.acquire(weightOf(row)).then(() => put(counted));
      put(counted);
      return null;
    },
    async idle() {
      if (linger !== null) clearTimeout(linger);
      for (const partition of partitions) cut(partition);
      await window.idle();
      if (bug !== null) throw bug;
    },
    async close() {
      ended.abort();
      if (linger !== null) clearTimeout(linger);
      await looking;
      await store.close();
    },
  };
}

function weightOf(row: Submitted): number {
  return row.source.bytes + ROW_OVERHEAD_BYTES;
}

/** By the contact alone: the order of its notes is kept whatever their sub organizations. FNV-1a. */
function partitionOf(contactId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < contactId.length; i++) hash = Math.imul(hash ^ contactId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PARTITIONS;
}
