import { isPostgres, type LedgerAddress } from '../ledger-address.js';
import { liveHolder } from './holder.js';
import type { Ledger, RunRecord } from './ledger.js';
import type { WriteMode } from './sqlite.js';
import type { ReadTarget } from './target.js';

export interface OpenMode extends Omit<WriteMode, 'path' | 'tailLength' | 'ownThread'> {
  readonly address: LedgerAddress;
  /** Of one request, milliseconds. */
  readonly requestTimeoutMs: number;
  /**
   * A file's transactions, and its disk, are waited for by a thread of its own. It takes a tenth of a second to start, so it isn't for a few
   * rows. Default: false.
   */
  readonly inThread?: boolean;
  /** Called with a sentence for a person, where the opening takes a while. */
  readonly onWait?: (why: string) => void;
  /** In Postgres only: see `PostgresMode`. */
  readonly joins?: boolean;
}

// Each kind of ledger is loaded where it is needed only: it takes some megabytes, and time to start.

/**
 * Opens a ledger for a run, wherever it is kept. Of a file it is the only one then; in Postgres it is one of many.
 * @throws UserError where it can't be used; LedgerHeldError where another run holds it. Nothing was changed then.
 */
export async function openLedger({ address, inThread = false, ...mode }: OpenMode): Promise<Ledger> {
  if (!isPostgres(address.ledger)) {
    if (!inThread) {
      const { openLedger: openSqlite } = await import('./sqlite.js');
      return openSqlite({ path: address.ledger, ...mode });
    }
    const { openLedgerInThread } = await import('./sqlite-thread.js');
    const { runId, what, target, sameAccount, now } = mode;
    return openLedgerInThread({ path: address.ledger, runId, what, target, sameAccount, now });
  }
  const { openPostgresLedger } = await import('./postgres.js');
  return openPostgresLedger({ address, ...mode });
}

/**
 * Opens a ledger to read, also while runs write it; null where there is none yet.
 * @throws UserError where it can't be read, or speaks of another account than `target`
 */
export async function openLedgerToRead(address: LedgerAddress, target?: ReadTarget): Promise<Ledger | null> {
  if (!isPostgres(address.ledger)) {
    const { openLedgerToRead: openSqliteToRead } = await import('./sqlite.js');
    return openSqliteToRead(address.ledger, target);
  }
  const { openPostgresToRead } = await import('./postgres.js');
  return openPostgresToRead(address, target);
}

/**
 * Tells a run that goes on from one that was killed, which both say that they are running. To be asked before the list of runs is read: one
 * that ends between the two has its end in the list.
 */
export async function whoIsUnderWay(address: LedgerAddress): Promise<(run: RunRecord, position: number) => boolean> {
  if (isPostgres(address.ledger)) {
    const { postgresRunsUnderWay } = await import('./postgres.js');
    const alive = await postgresRunsUnderWay(address);
    return ({ runId, status }) => status === 'running' && alive.has(runId);
  }
  const held = liveHolder(address.ledger) !== null;
  // Only the newest run can be the one that holds the file.
  return ({ status }, position) => status === 'running' && held && position === 0;
}
