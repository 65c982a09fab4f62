import type { Draft, Fingerprint, MalformedRecord, RowFailure, SourceRecord } from '../model.js';
import { rowLabel } from '../model.js';
import type { Intake } from './intake.js';

/**
 * A row after reading and mapping: a record for one contact. Of a record that names several there is one for each. `ordinal` is the record's
 * number over all inputs: its row, counted on from the last row of the input before.
 */
export type PreparedRow =
  | { readonly kind: 'failed'; readonly source: SourceRecord | MalformedRecord; readonly failure: RowFailure; readonly ordinal: number }
  | { readonly kind: 'mapped'; readonly source: SourceRecord; readonly draft: Draft; readonly base: Fingerprint; readonly ordinal: number }
  /** Left out, as asked. */
  | { readonly kind: 'filtered'; readonly source: SourceRecord | MalformedRecord; readonly ordinal: number };

export interface PreparedRows {
  /**
   * The rows of all inputs, in batches, in order, each read when the next is pulled. Ends early when `stopped` aborts.
   * @throws StoppedError after the rows before it, see `readCsv`
   */
  batches(stopped: AbortSignal): AsyncGenerator<readonly PreparedRow[]>;
  /** The label of a row that was given. */
  labelOf(ordinal: number): string;
}

/** read → map, for all inputs, at most `limit` records. */
export function prepareRows(intake: Intake, limit: number | null): PreparedRows {
  // Where each input's rows begin among the ordinals.
  const starts: number[] = [];
  let last = 0;
  let count = 0;

  return {
    async *batches(stopped) {
      for (const { csv, map, isFooter } of intake.inputs) {
        const start = last;
        starts.push(start);
        const rows = csv.rows()[Symbol.asyncIterator]();
        for (;;) {
          const next = await untilStopped(rows.next(), stopped);
          if (next === null) return;
          if (next.done === true) break;
          let prepared: PreparedRow[] = [];
          for (const source of next.value) {
            if (limit !== null && count >= limit) break;
            count++;
            // Rows that `--only` leaves out keep their numbers, so these may have gaps.
            const ordinal = start + source.row;
            last = ordinal;
            // Each of thousands of contacts in one cell is a row.
            if (prepared.length >= MOST_IN_BATCH) {
              yield prepared;
              prepared = [];
            }
            if (isFooter(source)) {
              prepared.push({ kind: 'filtered', source, ordinal });
              continue;
            }
            if (source.kind === 'malformed') {
              const failure: RowFailure = {
                kind: 'failed',
                class: 'malformed',
                status: null,
                message: source.message,
                details: null,
                attempts: 0,
              };
              prepared.push({ kind: 'failed', source, failure, ordinal });
              continue;
            }
            for (const mapped of map(source)) {
              if (mapped.kind === 'mapped')
                prepared.push({ kind: 'mapped', source: mapped.source, draft: mapped.draft, base: mapped.base, ordinal });
              else if (mapped.kind === 'invalid')
                prepared.push({ kind: 'failed', source: mapped.source, failure: mapped.failure, ordinal });
              else prepared.push({ kind: 'filtered', source: mapped.source, ordinal });
            }
          }
          if (prepared.length > 0) yield prepared;
          if (limit !== null && count >= limit) return;
        }
      }
    },
    labelOf(wanted) {
      const index = starts.findLastIndex((start) => start < wanted);
      const input = intake.inputs[index];
      if (input === undefined) throw new Error(`no row ${wanted} was read`);
      return rowLabel({ input: input.csv.source, row: wanted - starts[index]! }, intake.inputs.length);
    },
  };
}

const MOST_IN_BATCH = 2000;

/** Standard input may stay silent for ever: a stop doesn't wait for it. */
async function untilStopped<T>(next: Promise<T>, stopped: AbortSignal): Promise<T | null> {
  if (stopped.aborted) {
    next.catch(() => {});
    return null;
  }
  let onAbort = (): void => {};
  const aborted = new Promise<null>((resolve) => {
    onAbort = () => resolve(null);
    stopped.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([next, aborted]);
  } finally {
    stopped.removeEventListener('abort', onAbort);
    next.catch(() => {});
  }
}
