import { StoppedError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedgerToRead } from '../ledger/open.js';
import type { Estimate } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { type Intake, openIntake } from './intake.js';
import { prepareRows } from './rows.js';

/** What the beginning of the inputs tells of the whole import. */
export interface Survey {
  readonly rows: Estimate;
  /** Of these, rows that the ledger doesn't know as imported. */
  readonly toSend: Estimate;
  /** Rows that were looked at. */
  readonly seen: number;
  /** Sub organizations of the rows that were looked at; null: none. */
  readonly subOrgs: readonly (string | null)[];
}

/** So many rows to send are many; nobody needs to be asked about fewer. */
export const MANY_ROWS = 1000;
/** Where so many of the first rows were imported before, the rest isn't searched for new ones. */
const MOST_ROWS_SEEN = 5000;

/**
 * Reads the beginning of the inputs a second time, and asks the ledger what it knows of it; from there on their sizes must tell.
 * @param intake its position isn't touched
 * @returns null where an input can be read only once (standard input, a pipe)
 */
export async function surveyInputs(options: ResolvedOptions, intake: Pick<Intake, 'totalBytes' | 'contacts'>): Promise<Survey | null> {
  const { totalBytes } = intake;
  if (totalBytes === null) return null;
  const ledger = await ledgerIfReadable(options);
  const beginning = await openIntake(options, { contacts: intake.contacts });
  const found = { rows: 0, toSend: 0, subOrgs: new Set<string | null>() };
  const isEnough = () => found.toSend > MANY_ROWS || found.rows >= MOST_ROWS_SEEN;
  let isWhole = true;
  let bytes = 0;
  try {
    for await (const batch of prepareRows(beginning, options.limit).batches(new AbortController().signal)) {
      const read = beginning.bytesRead(batch[0]?.source.input.index ?? 0);
      // Where the next bytes were read, all rows of those before them have come: now the one tells of the other.
      if (isEnough() && read !== bytes) {
        isWhole = false;
        break;
      }
      bytes = read;
      const drafts = batch.flatMap((row) => (row.kind === 'mapped' ? [row.draft] : []));
      const known = ledger === null ? [] : await ledger.lookup(drafts.map(({ fingerprint }) => fingerprint));
      found.rows += batch.length;
      found.toSend += drafts.length - known.filter((note) => note?.state === 'created').length;
      for (const { subOrg } of drafts) found.subOrgs.add(subOrg);
    }
  } catch (error) {
    // The run will stop at the same place, and say why.
    if (!(error instanceof StoppedError)) throw error;
    isWhole = !isEnough();
  } finally {
    await beginning.close();
    await ledger?.close();
  }
  const share = isWhole || totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const estimate = (count: number): Estimate => {
    if (isWhole) return { count, precision: 'exact' };
    const whole = Math.min(Math.round(count / share), options.limit ?? Number.POSITIVE_INFINITY);
    return { count: whole, precision: 'about' };
  };
  return {
    rows: estimate(found.rows),
    toSend: estimate(found.toSend),
    seen: found.rows,
    subOrgs: [...found.subOrgs],
  };
}

/** What is wrong with it is said where it is opened to be written. */
async function ledgerIfReadable(options: ResolvedOptions): Promise<Ledger | null> {
  const { baseUrl, apiKey, sameAccount } = options;
  try {
    return await openLedgerToRead(options, { baseUrl: baseUrl.href, apiKey, sameAccount });
  } catch {
    return null;
  }
}
