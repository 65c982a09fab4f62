import type { LedgerAddress } from '../ledger-address.js';
import { createLine, GIVE_UP_MS, inPostgresTransaction } from './postgres-line.js';
import { LOCK_CLASS } from './postgres-schema.js';
import { describePostgres, openSession, type Session, type Statement, sqlStateOf } from './postgres-session.js';

/** This process among those that write the ledger: alive as long as its heartbeat is acknowledged. */
export interface Owner {
  readonly number: number;
  /** False: the others may think that it is dead, and work on what it has claimed. */
  isAlive(): boolean;
  /** Resolves when it is alive again, or lost for good, or `stopped`. */
  untilAlive(stopped: AbortSignal): Promise<void>;
  /** Calls back once, with a sentence for a person, when it can't go on: it was taken for dead, or the server can't be reached. */
  onLost(listener: (why: string) => void): void;
  /** To be called where a commit learns that it was taken over. */
  lose(): void;
  /** Stops the heartbeat, and ends its session. */
  close(): Promise<void>;
}

const BEAT_MS = 2000;
/** So long after its last heartbeat was sent a process creates nothing more … */
const LEASE_MS = 10_000;
/** … and so long after it was noted the others may take over what it had claimed. The difference is for clocks that don't run alike. */
export const DEAD_AFTER = `interval '15 seconds'`;

const BEAT: Statement = {
  name: 'beat',
  text: `UPDATE memory_import.owner SET heartbeat = clock_timestamp()
    WHERE owner_number = $1 AND taken_over_at IS NULL AND ended_at IS NULL AND pg_backend_pid() = $2 RETURNING 1`,
};
const DEAD_OWNERS: Statement = {
  name: 'dead_owners',
  text: `SELECT owner_number FROM memory_import.owner
    WHERE ended_at IS NULL AND taken_over_at IS NULL AND owner_number <> $1 AND heartbeat < clock_timestamp() - ${DEAD_AFTER}`,
};
// One whose session is gone has most likely crashed, but its last heartbeat may be young.
const DYING_OWNERS: Statement = {
  name: 'dying_owners',
  text: `SELECT host, pid, what FROM memory_import.owner AS owner
    WHERE ended_at IS NULL AND taken_over_at IS NULL AND NOT is_worker AND owner_number <> $1
      AND (heartbeat < clock_timestamp() - ${DEAD_AFTER} OR NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = ${LOCK_CLASS} AND objid = owner.owner_number))`,
};
// Whatever of it is still at work: frozen in the middle of a transaction it would hold its rows for as long.
const TERMINATE: Statement = {
  name: 'terminate',
  text: `SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = ${LOCK_CLASS} AND objid = $1
      AND EXISTS (SELECT 1 FROM memory_import.owner WHERE owner_number = $1 AND heartbeat < clock_timestamp() - ${DEAD_AFTER})`,
};
// FOR UPDATE waits for a commit of it that is under way, which an update alone would not; one that begins later finds that it was taken over.
const CLOSE_OWNER: Statement = {
  name: 'close_owner',
  text: `WITH locked AS MATERIALIZED (SELECT owner_number FROM memory_import.owner
      WHERE owner_number = $1 AND ended_at IS NULL AND taken_over_at IS NULL AND heartbeat < clock_timestamp() - ${DEAD_AFTER} FOR UPDATE)
    UPDATE memory_import.owner AS o SET taken_over_at = clock_timestamp() FROM locked WHERE o.owner_number = locked.owner_number
    RETURNING o.request_timeout_ms`,
};
/** What an owner works on is nobody's from now on, and in doubt since then (epoch ms) where it was claimed: for one that ended or died. */
export const LEAVE_NOTES: Statement = {
  name: 'leave_notes',
  text: `UPDATE memory_import.note SET owner_number = NULL,
      state = CASE WHEN state IN ('claimed', 'sending') THEN 'in_doubt' ELSE state END,
      doubted = doubted OR state IN ('claimed', 'sending'),
      since = CASE WHEN state IN ('claimed', 'sending') THEN $2 ELSE since END
    WHERE owner_number = $1`,
};

export interface OwnerOptions {
  readonly address: LedgerAddress;
  readonly number: number;
  /** Already open; its lock is taken here. */
  readonly session: Session;
  readonly now: () => number;
}

/** Takes the owner's lock, and begins its heartbeat. */
export async function startOwner({ address, number, session, now }: OwnerOptions): Promise<Owner> {
  await holdOwnerLock(session, number);
  const listeners: ((why: string) => void)[] = [];
  let lostBecause: string | null = null;
  let closed = false;
  let renewed = moment();
  let waiting: (() => void)[] = [];
  // After a time without a server every heartbeat is old, and its owner may be alive all the same.
  let mayTakeOverFrom = 0;

  const reopen = async (): Promise<Session> => {
    const opened = await openSession({ address, name: `owner ${number}`, patienceMs: LEASE_MS });
    await holdOwnerLock(opened, number);
    mayTakeOverFrom = performance.now() + 20_000;
    return opened;
  };
  const line = createLine({ address, open: reopen, session, giveUpMs: GIVE_UP_MS, inTurn: true });

  const wakeAll = (): void => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const lose = (why: string): void => {
    if (lostBecause !== null || closed) return;
    lostBecause = why;
    wakeAll();
    for (const listener of listeners) listener(why);
  };

  const beat = async (): Promise<void> => {
    await line.run(async (ours) => {
      const asked = moment();
      const alive = await ours.query(BEAT, [number, ours.pid]);
      if (alive.length === 0) return lose(TAKEN_OVER);
      renewed = asked;
      wakeAll();
      if (performance.now() >= mayTakeOverFrom) await takeOverDead(ours, number, now);
    });
  };

  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> = Promise.resolve();
  const next = (): void => {
    timer = setTimeout(() => {
      beating = beat()
        .catch((error: unknown) => lose(`its heartbeat can't be kept: ${describePostgres(error, address)}`))
        .finally(() => {
          if (!closed && lostBecause === null) next();
        });
    }, BEAT_MS);
    timer.unref();
  };
  await beat();
  next();

  const isAlive = (): boolean => lostBecause === null && !closed && since(renewed) < LEASE_MS;
  return {
    number,
    isAlive,
    async untilAlive(stopped) {
      while (!isAlive() && lostBecause === null && !closed && !stopped.aborted) {
        await new Promise<void>((resolve) => {
          const go = (): void => {
            stopped.removeEventListener('abort', go);
            resolve();
          };
          waiting.push(go);
          stopped.addEventListener('abort', go, { once: true });
        });
      }
    },
    onLost(listener) {
      if (lostBecause !== null) listener(lostBecause);
      else listeners.push(listener);
    },
    lose: () => lose(TAKEN_OVER),
    async close() {
      closed = true;
      clearTimeout(timer);
      wakeAll();
      await line.close();
      await beating.catch(() => {});
    },
  };
}

const TAKEN_OVER = 'this process was silent for so long (frozen, or cut off from Postgres) that another one may have taken over its rows';

/** Shared, so that each session of the owner can hold it: by this lock they are found. */
export async function holdOwnerLock(session: Session, number: number): Promise<void> {
  await session.query('SELECT pg_advisory_lock_shared($1, $2)', [LOCK_CLASS, number]);
}

/** What owners had claimed whose heartbeat is too old is in doubt from now on. */
async function takeOverDead(session: Session, ownNumber: number, now: () => number): Promise<void> {
  const dead = await session.query(DEAD_OWNERS, [ownNumber]);
  for (const { owner_number } of dead) {
    try {
      await session.query(TERMINATE, [owner_number]).catch(onlyNotAllowed);
      await inPostgresTransaction(session, async () => {
        await session.query(`SET LOCAL lock_timeout = '3s'`);
        const [closed] = await session.query(CLOSE_OWNER, [owner_number]);
        // A request of it may be under way for as long as its time-out: the wait for its absence begins after that.
        if (closed !== undefined) await session.query(LEAVE_NOTES, [owner_number, now() + Number(closed.request_timeout_ms)]);
      });
    } catch (error) {
      // A commit of it is still open, and couldn't be ended: tried again at the next heartbeat, soon after which the server ends it by itself.
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';

/** Another role's session can't be ended; that its owner was closed fences it off all the same. */
function onlyNotAllowed(error: unknown): void {
  if (sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
}

/**
 * Takes over what is dead, and waits for what is dying: a run that has just crashed is known to be dead a few seconds after its last
 * heartbeat only, and this one is meant to go on from there.
 * @param onWait called once, with a sentence for a person, where it takes a moment
 */
export async function settleDying(
  session: Session,
  { ownNumber, now, onWait }: { readonly ownNumber: number; readonly now: () => number; readonly onWait?: (why: string) => void },
): Promise<void> {
  const until = performance.now() + 20_000;
  for (let round = 0; ; round++) {
    await takeOverDead(session, ownNumber, now);
    const [dying] = await session.query(DYING_OWNERS, [ownNumber]);
    if (dying === undefined || performance.now() >= until) return;
    // One that has just begun, or lost its connection for a moment, looks the same at first.
    if (round === 2) {
      const who = `${dying.what}, process ${dying.pid} on ${dying.host}`;
      onWait?.(
        `Another process seems to have died a moment ago (${who}); waiting a few seconds until that is certain, to go on from there.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

interface Moment {
  readonly steady: number;
  readonly wall: number;
}

function moment(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/** By whichever clock more time has passed: the steady one may stand still while the machine sleeps, the other may be set back. */
function since(then: Moment): number {
  return Math.max(performance.now() - then.steady, Date.now() - then.wall);
}
