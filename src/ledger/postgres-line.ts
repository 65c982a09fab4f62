import { LedgerError } from '../errors.js';
import type { LedgerAddress } from '../ledger-address.js';
import { describePostgres, isConnectionLoss, type Session, sqlStateOf } from './postgres-session.js';

/** A way to the server that is found again when it is lost: a restart, a failover, a terminated session. */
export interface Line {
  /**
   * Does the work on a session; where the connection is lost meanwhile, again on a new one. `again`: an earlier try may have taken place,
   * its answer being lost.
   * @throws LedgerError where no connection could be had for too long, or the line is closed; whatever the work throws of its own
   */
  run<T>(work: (session: Session, again: boolean) => Promise<T>): Promise<T>;
  /** Ends it; what runs is cut off. */
  close(): Promise<void>;
}

export interface LineOptions {
  readonly address: LedgerAddress;
  readonly open: () => Promise<Session>;
  /** The first one, where there is one already. */
  readonly session?: Session;
  /** Without a connection for so long, it is given up. */
  readonly giveUpMs: number;
  /** One at a time, in the order in which they came: for work that takes transactions. */
  readonly inTurn: boolean;
}

export const GIVE_UP_MS = 120_000;
/** What comes after that asks once more, and not for long. */
const GIVEN_UP_MS = 1000;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 2000;
/** Two that waited for one another, or a row that was changed meanwhile: nothing of it has happened, and it goes well the next time. */
const TRANSIENT: ReadonlySet<string> = new Set(['40P01', '40001', '55P03']);
const MOST_CONFLICTS = 20;

export function createLine(options: LineOptions): Line {
  const { address, inTurn, giveUpMs } = options;
  let session = options.session ?? null;
  let opening: Promise<Session> | null = null;
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();
  let wake: (() => void) | null = null;
  let givenUp = false;

  const ready = async (): Promise<Session> => {
    if (session?.isOpen === true) return session;
    opening ??= options.open().finally(() => {
      opening = null;
    });
    const opened = await opening;
    if (closed) {
      await opened.end();
      throw closedError(address);
    }
    session = opened;
    givenUp = false;
    return opened;
  };

  const attempt = async <T>(work: (session: Session, again: boolean) => Promise<T>): Promise<T> => {
    let lostAt: number | null = null;
    let again = false;
    let conflicts = 0;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, MAX_WAIT_MS)) {
      if (closed) throw closedError(address);
      let opened = false;
      try {
        const ours = await ready();
        opened = true;
        return await work(ours, again);
      } catch (error) {
        if (closed) throw closedError(address);
        if (TRANSIENT.has(sqlStateOf(error)) && ++conflicts < MOST_CONFLICTS) continue;
        if (!isConnectionLoss(error)) throw error;
        again ||= opened;
        session?.destroy();
        const now = performance.now();
        // Each time that a connection could be had, the patience begins anew.
        lostAt = opened ? now : (lostAt ?? now);
        const patienceMs = givenUp ? GIVEN_UP_MS : giveUpMs;
        if (now - lostAt >= patienceMs) {
          givenUp = true;
          throw unreachable(address, patienceMs, error);
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, wait);
        });
      }
    }
  };

  return {
    run(work) {
      if (!inTurn) return attempt(work);
      const turn = last.then(() => attempt(work));
      last = turn.catch(() => {});
      return turn;
    },
    async close() {
      closed = true;
      wake?.();
      await session?.end();
    },
  };
}

/** Begin, work, commit; rolled back where the work throws. */
export async function inPostgresTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query('BEGIN');
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    if (session.isOpen) await session.query('ROLLBACK').catch(() => session.destroy());
    throw error;
  }
}

export const ADVICE = 'Check that Postgres can be reached, and what its log says.';

function closedError({ ledger }: LedgerAddress): LedgerError {
  return new LedgerError(`The ledger ${ledger} is closed.`);
}

function unreachable(address: LedgerAddress, forMs: number, cause: unknown): LedgerError {
  const why = describePostgres(cause, address);
  return new LedgerError(`The ledger ${address.ledger} couldn't be reached for ${Math.round(forMs / 1000)} s: ${why}.`, {
    cause,
    advice: ADVICE,
  });
}
