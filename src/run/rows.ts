import type { Mapped } from '../map/mapper.js';
import type { Draft, Fingerprint, MalformedRecord, RowFailure, SourceRecord, SourceRow } from '../model.js';
import { assertNever, rowLabel } from '../model.js';
import type { RowDamage } from '../model-plan.js';
import { CORRUPTING } from '../model-plan.js';
import type { Intake, IntakeInput } from './intake.js';

/**
 * A row after reading and mapping: a record for one contact. Of a record that names several there is one for each. `ordinal` is the record's
 * number over all inputs: its row, counted on from the last row of the input before.
 */
export type PreparedRow = {
  readonly ordinal: number;
  /** What the damage check found in the record; absent: nothing. */
  readonly damage?: readonly RowDamage[];
} & (
  | { readonly kind: 'failed'; readonly source: SourceRecord | MalformedRecord; readonly failure: RowFailure }
  | { readonly kind: 'mapped'; readonly source: SourceRecord; readonly draft: Draft; readonly base: Fingerprint }
  /** Left out, as asked. */
  | { readonly kind: 'filtered'; readonly source: SourceRecord | MalformedRecord }
);

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
      for (const input of intake.inputs) {
        const start = last;
        starts.push(start);
        const rows = input.csv.rows()[Symbol.asyncIterator]();
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
            prepared.push(...prepareInput(input, source, ordinal));
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

/** One record of an input: what is sent for it, or why nothing is. */
export function prepareInput(
  { map, isFooter, damage: check, accept }: Pick<IntakeInput, 'map' | 'isFooter' | 'damage' | 'accept'>,
  source: SourceRow,
  ordinal: number,
): PreparedRow[] {
  if (isFooter(source)) return [{ kind: 'filtered', source, ordinal }];
  if (source.kind === 'malformed') {
    if (source.finding !== undefined && accept.has(source.finding)) return [{ kind: 'filtered', source, ordinal }];
    const { message } = source;
    const failure: RowFailure = { kind: 'failed', class: 'malformed', status: null, message, details: null, attempts: 0 };
    return [{ kind: 'failed', source, failure, ordinal }];
  }
  const damage = check.examine(source);
  if (damage.length === 0) return map(source).map((mapped) => prepared(mapped, ordinal));
  const refused = damage.filter(({ finding }) => CORRUPTING.has(finding) && !accept.has(finding));
  return map(source).map((mapped) => {
    if (mapped.kind === 'filtered') return prepared(mapped, ordinal);
    if (mapped.kind === 'invalid' || refused.length === 0) return { ...prepared(mapped, ordinal), damage };
    return { kind: 'failed', source: mapped.source, failure: damaged(refused), ordinal, damage };
  });
}

function prepared(mapped: Mapped, ordinal: number): PreparedRow {
  const { source } = mapped;
  switch (mapped.kind) {
    case 'mapped':
      return { kind: 'mapped', source, draft: mapped.draft, base: mapped.base, ordinal };
    case 'invalid':
      return { kind: 'failed', source, failure: mapped.failure, ordinal };
    case 'filtered':
      return { kind: 'filtered', source, ordinal };
    default:
      return assertNever(mapped);
  }
}

function damaged(found: readonly RowDamage[]): RowFailure {
  const names = [...new Set(found.map(({ finding }) => finding))];
  const what = found.map(
    ({ finding, column, measure, message }) => `${column}: ${finding}${measure > 0 ? ` at position ${measure}` : ''}: ${message}`,
  );
  return {
    kind: 'failed',
    class: 'invalid',
    status: null,
    message: `${what.join('; ')}. Mend it, or if it is right: --accept ${names.join(',')}`,
    details: found.map(({ finding, column, measure }) => ({ field: column, rule: finding, measure })),
    attempts: 0,
  };
}

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
