import { hostname } from 'node:os';
import { LedgerError, UserError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import type { RunId } from '../model.js';
import { begunRun } from './begun-run.js';
import type { Ledger } from './ledger.js';
import { postgresAdvice } from './postgres-advice.js';
import { createLine, GIVE_UP_MS, inPostgresTransaction, type Line } from './postgres-line.js';
import { holdOwnerLock, LEAVE_NOTES, type Owner, settleDying, startOwner } from './postgres-owner.js';
import { checkPrivileges } from './postgres-privileges.js';
import { LOCK_CLASS, migratePostgres, OPENING_LOCK, schemaVersion } from './postgres-schema.js';
import { describePostgres, openSession, type Session, type Statement } from './postgres-session.js';
import { createPostgresSharing, runsUnderWay } from './postgres-sharing.js';
import { createPostgresStore } from './postgres-store.js';
import { checkTarget, type ReadTarget, type StoredTarget, storedTarget, type Target } from './target.js';

export interface PostgresMode {
  readonly address: LedgerAddress;
  /** The run that writes; every claim and settlement is its. */
  readonly runId: RunId;
  /** Told to the others. */
  readonly what: string;
  readonly target: Target;
  readonly sameAccount: boolean;
  readonly now: () => number;
  /** Of one request, in milliseconds: for so long it may go on in the server when this process has died. */
  readonly requestTimeoutMs: number;
  /** Called with a sentence for a person, where the opening takes a while. */
  readonly onWait?: (why: string) => void;
  /** True: the run has begun elsewhere, and this process works for it. Default: it begins here. */
  readonly joins?: boolean;
}

/** A commit that takes longer has lost its connection, most likely. */
const COMMIT_PATIENCE_MS = 60_000;

/**
 * Opens the ledger for a run, beside those that others go on with: makes or updates its tables, checks the target, begins a heartbeat, and
 * turns what dead runs left under way into doubt.
 * @throws UserError where it can't be used. Nothing was changed then.
 */
export async function openPostgresLedger(mode: PostgresMode): Promise<Ledger> {
  const { address, now } = mode;
  return asUserError(address, async () => {
    const session = await openSession({ address, name: 'owner', patienceMs: COMMIT_PATIENCE_MS });
    let owner: Owner | null = null;
    let line: Line | null = null;
    try {
      await checkPrivileges(session, address);
      await migratePostgres(session, address);
      const worker = await openSession({ address, name: 'ledger', patienceMs: COMMIT_PATIENCE_MS });
      line = createLine({ address, session: worker, open: () => openWorker(address, begun.owner), giveUpMs: GIVE_UP_MS, inTurn: true });
      await refusePooling(session, worker, address);
      const begun = await begin(session, mode);
      owner = await startOwner({ address, number: begun.owner, session, now });
      await prepareWorker(worker, begun.owner);
      // Whoever began the run has done it; rows of what has died since are waited for one by one.
      if (mode.joins !== true)
        await settleDying(worker, { ownNumber: begun.owner, now, ...(mode.onWait === undefined ? {} : { onWait: mode.onWait }) });
      // A clock that was set back since: nobody must wait for a time that is years away.
      await worker.query(NOT_IN_THE_FUTURE, [now() + mode.requestTimeoutMs]);
      const [found] = await worker.query(HAS, [begun.owner]);
      const reader = createLine({ address, open: () => openReader(address), giveUpMs: GIVE_UP_MS, inTurn: false });
      return createPostgresStore({
        address,
        reader,
        now,
        wasEmpty: found?.notes === false && found.others === false,
        hadCreated: found?.created === true,
        writer: {
          line,
          owner: begun.owner,
          runNumber: begun.run,
          sharing: createPostgresSharing({ owner, line, reader }),
          end: endOf({ owner, line, now }),
        },
      });
    } catch (error) {
      await line?.close();
      await owner?.close();
      await session.end();
      throw error;
    }
  });
}

/**
 * Opens the ledger to read; null where there is none yet.
 * @throws UserError where it can't be read, or speaks of another account than `target`
 */
export async function openPostgresToRead(address: LedgerAddress, target?: ReadTarget): Promise<Ledger | null> {
  return asUserError(address, async () => {
    const session = await openReader(address);
    try {
      if ((await schemaVersion(session, address)) === 0) {
        await session.end();
        return null;
      }
      if (target !== undefined && !target.sameAccount) await checkStored(session, target, address);
      const [found] = await session.query(HAS, [0]);
      const reader = createLine({ address, session, open: () => openReader(address), giveUpMs: GIVE_UP_MS, inTurn: false });
      return createPostgresStore({
        address,
        reader,
        writer: null,
        now: Date.now,
        wasEmpty: found?.notes === false,
        hadCreated: found?.created === true,
      });
    } catch (error) {
      await session.end();
      throw error;
    }
  });
}

/** A process that takes part in the runs of others: alive as its heartbeat says, and the owner of nothing by itself. */
export interface Presence extends Pick<Owner, 'number' | 'isAlive' | 'onLost'> {
  /** Tells the others that it has ended. */
  close(): Promise<void>;
}

/** @throws UserError where the ledger can't be used, or is another account's */
export async function openPostgresPresence(
  mode: Pick<PostgresMode, 'address' | 'what' | 'target' | 'requestTimeoutMs' | 'now'>,
): Promise<Presence> {
  const { address, target, now } = mode;
  return asUserError(address, async () => {
    const session = await openSession({ address, name: 'worker', patienceMs: COMMIT_PATIENCE_MS });
    try {
      await checkPrivileges(session, address);
      await migratePostgres(session, address);
      const other = await openReader(address);
      try {
        await refusePooling(session, other, address);
      } finally {
        await other.end();
      }
      await checkStored(session, target, address);
      const [row] = await session.query(NEW_OWNER, [hostname(), process.pid, mode.what, mode.requestTimeoutMs, null, true]);
      const owner = await startOwner({ address, number: Number(row?.owner_number), session, now });
      return {
        number: owner.number,
        isAlive: owner.isAlive,
        onLost: owner.onLost,
        async close() {
          await owner.close();
          const last = await openReader(address).catch(() => null); // without it the others wait for its last heartbeat to grow old
          await last?.query(END_OWNER, [owner.number]).catch(() => {});
          await last?.end();
        },
      };
    } catch (error) {
      await session.end();
      throw error;
    }
  });
}

/** Runs whose processes are alive just now. */
export async function postgresRunsUnderWay(address: LedgerAddress): Promise<ReadonlySet<string>> {
  return asUserError(address, async () => {
    const session = await openReader(address);
    const reader = createLine({ address, session, open: () => openReader(address), giveUpMs: 0, inTurn: false });
    try {
      return (await schemaVersion(session, address)) === 0 ? new Set<string>() : await runsUnderWay(reader);
    } finally {
      await reader.close();
    }
  });
}

/** It may read the whole ledger for one answer. */
async function openReader(address: LedgerAddress): Promise<Session> {
  const session = await openSession({ address, name: 'reader', patienceMs: null });
  // A plan made for a small ledger would be kept while it grows.
  await session.query(`SET plan_cache_mode = force_custom_plan`);
  return session;
}

async function openWorker(address: LedgerAddress, owner: number): Promise<Session> {
  const session = await openSession({ address, name: `ledger ${owner}`, patienceMs: COMMIT_PATIENCE_MS });
  await prepareWorker(session, owner);
  return session;
}

/** Every statement of a commit finds its rows by an index; plans made for a small ledger stay right while it grows. */
async function prepareWorker(session: Session, owner: number): Promise<void> {
  await session.query(
    'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan',
  );
  await holdOwnerLock(session, owner);
}

/**
 * Behind a pooler that gives each transaction another session, locks of sessions mean nothing. It is found out by a transaction that
 * keeps one of the pool's sessions busy.
 * @throws UserError
 */
async function refusePooling(session: Session, other: Session, address: LedgerAddress): Promise<void> {
  const pidOf = async (asked: Session) => Number((await asked.query('SELECT pg_backend_pid() AS pid'))[0]?.pid);
  await other.query('BEGIN');
  const busy = await pidOf(other);
  const found = await pidOf(session);
  await other.query('ROLLBACK');
  if (found === session.pid && busy === other.pid && busy !== found) return;
  throw new UserError(
    `The ledger ${address.ledger} is behind a pooler that gives each transaction another session (transaction pooling). Nothing was sent. Name the server itself, or a pool of sessions: its other port or host, often.`,
  );
}

const READ_TARGET = `SELECT value FROM memory_import.meta WHERE name = 'target'`;
const WRITE_TARGET = `INSERT INTO memory_import.meta (name, value) VALUES ('target', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const HAS: Statement = {
  name: 'has',
  text: `SELECT EXISTS (SELECT 1 FROM memory_import.note WHERE state <> 'released') AS notes,
    EXISTS (SELECT 1 FROM memory_import.note WHERE state = 'created') AS created,
    EXISTS (SELECT 1 FROM memory_import.owner
      WHERE ended_at IS NULL AND taken_over_at IS NULL AND NOT is_worker AND owner_number <> $1) AS others`,
};
const NEW_OWNER = `INSERT INTO memory_import.owner (host, pid, what, request_timeout_ms, run_number, is_worker)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING owner_number`;
const RUN_NUMBER = 'SELECT run_number FROM memory_import.run WHERE run_id = $1';
const NEW_RUN = `INSERT INTO memory_import.run (run_id, owner_number, record) VALUES ($1, $2, $3)
  ON CONFLICT (run_id) DO NOTHING RETURNING run_number`;
const NOT_IN_THE_FUTURE = `UPDATE memory_import.note SET since = $1 WHERE state = 'in_doubt' AND owner_number IS NULL AND since > $1`;

/** One after the other: of two first runs with different targets one is refused. */
async function begin(session: Session, mode: PostgresMode): Promise<{ readonly owner: number; readonly run: number }> {
  const { address, target, sameAccount, runId } = mode;
  const ownerValues = [hostname(), process.pid, mode.what.replaceAll('\0', ''), mode.requestTimeoutMs];
  return inPostgresTransaction(session, async () => {
    await session.query('SELECT pg_advisory_xact_lock($1, $2)', [LOCK_CLASS, OPENING_LOCK]);
    if (mode.joins === true) {
      await checkStored(session, target, address);
      const [run] = await session.query(RUN_NUMBER, [runId]);
      if (run === undefined) throw new UserError(`The ledger ${address.ledger} doesn't know the run ${runId}. Nothing was sent.`);
      const [owner] = await session.query(NEW_OWNER, [...ownerValues, run.run_number, false]);
      return { owner: Number(owner?.owner_number), run: Number(run.run_number) };
    }
    if (sameAccount || !(await checkStored(session, target, address)))
      await session.query(WRITE_TARGET, [JSON.stringify(storedTarget(target))]);
    const [owner] = await session.query(NEW_OWNER, [...ownerValues, null, false]);
    const [run] = await session.query(NEW_RUN, [runId, owner?.owner_number, JSON.stringify(begunRun(runId, mode.now()))]);
    if (run === undefined) throw new UserError(`A run with the id ${runId} is in the ledger already. Nothing was sent. Start again.`);
    return { owner: Number(owner?.owner_number), run: Number(run.run_number) };
  });
}

/** False where the ledger speaks of no account yet. @throws UserError where it speaks of another one */
async function checkStored(session: Session, target: Pick<ReadTarget, 'baseUrl' | 'apiKey'>, address: LedgerAddress): Promise<boolean> {
  const [stored] = await session.query(READ_TARGET);
  const [found] = await session.query(HAS, [0]);
  if (stored === undefined || (found?.notes === false && found.others === false)) return false;
  // Written by `storedTarget`, and by nobody else.
  checkTarget(JSON.parse(String(stored.value)) as StoredTarget, target, address.ledger);
  return true;
}

const END_OWNER: Statement = {
  name: 'end_owner',
  text: 'UPDATE memory_import.owner SET ended_at = clock_timestamp() WHERE owner_number = $1 AND taken_over_at IS NULL',
};
const END_PATIENCE_MS = 10_000;

/** What is still claimed is in doubt at once: the others needn't wait until this process counts as dead. */
function endOf({ owner, line, now }: { readonly owner: Owner; readonly line: Line; readonly now: () => number }): () => Promise<void> {
  return async () => {
    // First: a heartbeat of one that has ended would find that it was taken over.
    await owner.close();
    const told = line
      .run((session) =>
        inPostgresTransaction(session, async () => {
          await session.query(END_OWNER, [owner.number]);
          await session.query(LEAVE_NOTES, [owner.number, now()]);
        }),
      )
      .catch(() => {}); // without it they wait for its last heartbeat to grow old
    const tooLong = new Promise<void>((resolve) => setTimeout(resolve, END_PATIENCE_MS).unref());
    await Promise.race([told, tooLong]);
  };
}

async function asUserError<T>(address: LedgerAddress, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof LedgerError) throw new UserError(`${error.message} Nothing was sent.`, { cause: error });
    // A bug isn't the server's complaint.
    if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    throw new UserError(
      `The ledger ${address.ledger} can't be used: ${describePostgres(error, address)}. Nothing was sent. ${postgresAdvice(error)}`,
      { cause: error },
    );
  }
}
