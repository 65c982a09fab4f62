import { StoppedError } from '../errors.js';
import type { Emit, SettledRow } from '../model.js';

/** Rows whose outcome is durable, on their way to whoever wants to know: events and report files. */
export interface SettledRows {
  /** Resolves when the reports have room for more: until then the row keeps its place in the window. */
  add(row: SettledRow): Promise<void>;
  flush(): Promise<void>;
}

export interface SettledRowsOptions {
  readonly emit: Emit;
  readonly write: (rows: readonly SettledRow[]) => Promise<void>;
  /** The report files can't be written any more. */
  readonly onFailure: (reason: StoppedError) => void;
}

interface Batch {
  readonly rows: SettledRow[];
  readonly taken: Promise<void>;
}

/** Gathers the rows of one turn of the event loop into a batch. */
export function gatherSettledRows({ emit, write, onFailure }: SettledRowsOptions): SettledRows {
  let open: Batch | null = null;
  let last: Promise<void> = Promise.resolve();

  const hand = async (rows: readonly SettledRow[], before: Promise<void>): Promise<void> => {
    await new Promise(setImmediate);
    await before; // batches keep their order
    open = null;
    emit({ type: 'rows_settled', rows });
    try {
      await write(rows);
    } catch (error) {
      // The ledger has the outcomes: nothing is lost but lines of a report, which `report` writes again.
      const detail = error instanceof Error ? error.message : String(error);
      const message = `A report file can't be written: ${detail}. Make room and run the same command again.`;
      onFailure(new StoppedError('report_files', message, true, { cause: error }));
    }
  };

  return {
    add(row) {
      if (open === null) {
        const rows: SettledRow[] = [];
        last = hand(rows, last);
        open = { rows, taken: last };
      }
      open.rows.push(row);
      return open.taken;
    },
    flush: () => last,
  };
}
