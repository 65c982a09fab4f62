import type { Dispatcher } from '../dispatch/dispatch.js';
import { asStopOfAny, type Halt } from '../dispatch/halt.js';
import { hasChanged } from '../dispatch/known.js';
import type { FirstSeen } from '../ledger/first-seen.js';
import type { Ledger } from '../ledger/ledger.js';
import type { LedgerWriter } from '../ledger/writer.js';
import type { NoteKey, Outcome, RunId } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { lostParts, memoryIdsOf } from './part-ids.js';
import type { PreparedRow, PreparedRows } from './rows.js';
import type { SettledRows } from './settled-rows.js';

export interface Admission {
  readonly runId: RunId;
  readonly ledger: Ledger;
  readonly writer: LedgerWriter;
  readonly dispatcher: Dispatcher;
  readonly firstSeen: FirstSeen;
  readonly settled: Pick<SettledRows, 'add'>;
  readonly rows: Pick<PreparedRows, 'labelOf'>;
  /** Found by looking before the first row: they are `recovered`, which the dispatcher says. */
  readonly recoveredBefore: ReadonlySet<NoteKey>;
  readonly options: Pick<ResolvedOptions, 'duplicates' | 'distribute'>;
}

/** More than one batch mostly has. */
const LOOKUP_BATCH = 1024;

/**
 * claim, its cheap half: what is known to be imported is settled here, and only the rest takes its place in a lane. The next batch is read
 * while the ledger says what it knows of this one, unless the last one had to wait for room: then reading isn't what is waited for, and rows
 * that lie ready would only outlive the young collections of the heap.
 * @throws what reading threw, after all rows before it are admitted
 */
export async function admitAll(
  batches: AsyncIterable<readonly PreparedRow[]>,
  {
    admission,
    halt,
    onRead,
    onAdmitted,
  }: {
    readonly admission: Admission;
    readonly halt: Halt;
    readonly onRead: (batch: readonly PreparedRow[]) => void;
    readonly onAdmitted: (batch: readonly PreparedRow[]) => void;
  },
): Promise<void> {
  let admitted: Promise<void> = Promise.resolve();
  let waitedForRoom = false;
  try {
    for await (const batch of batches) {
      onRead(batch);
      await admitted;
      if (halt.signal.aborted) break;
      const isCrowded = waitedForRoom;
      admitted = admit(batch, admission).then((waited) => {
        waitedForRoom = waited;
        onAdmitted(batch);
      });
      // At once: the input may be silent for hours.
      admitted.catch((error: unknown) => halt.stop(asStopOfAny(error)));
      if (isCrowded) await admitted;
    }
  } finally {
    await admitted;
  }
}

/** @returns whether a row had to wait for room */
async function admit(batch: readonly PreparedRow[], admission: Admission): Promise<boolean> {
  const { runId, ledger, writer, dispatcher, firstSeen, settled, rows, recoveredBefore, options } = admission;
  let waited = false;
  for (let from = 0; from < batch.length; from += LOOKUP_BATCH) {
    const part = batch.slice(from, from + LOOKUP_BATCH);
    const known = await ledger.lookup(part.flatMap((row) => (row.kind === 'mapped' ? [row.draft.fingerprint] : [])));
    let next = 0;
    // Awaited together at the end of the part: one that fails meanwhile isn't an unhandled rejection.
    const taken: Promise<void>[] = [];
    const take = (reported: Promise<void>): void => {
      reported.catch(() => {});
      taken.push(reported);
    };
    for (const row of part) {
      if (row.kind === 'failed') {
        const { source, failure } = row;
        const { class: failureClass, status, message, attempts } = failure;
        const target = source.kind === 'record' ? source.target : 0;
        const durable = writer.fail({ input: source.input.index, row: source.row, target, class: failureClass, status, message, attempts });
        take(durable.then(() => settled.add({ source, draft: null, outcome: failure })));
        continue;
      }
      if (row.kind === 'filtered') {
        take(settled.add({ source: row.source, draft: null, outcome: { kind: 'filtered' } }));
        continue;
      }
      const note = known[next++] ?? null;
      // By this run, and not heard of yet: a worker made it a moment ago, of this row's twin.
      const isNews = note?.runId === runId && !firstSeen.has(note.key);
      const isImported = note?.state === 'created' && !recoveredBefore.has(note.key) && !isNews;
      // Of several identical notes in parts each part finds its own, in the row's turn.
      const isOneOfMany =
        options.duplicates === 'create' &&
        note !== null &&
        (firstSeen.has(note.key) || row.draft.parts !== undefined || options.distribute);
      if (note === null || !isImported || isOneOfMany || (await lostParts(ledger, row.draft)) > 0) {
        const room = dispatcher.submit(row);
        if (room !== null) {
          waited = true;
          await room;
        }
        continue;
      }
      const first = firstSeen.meet(note.key, row.ordinal);
      const { createdAt } = note;
      const memoryId = await memoryIdsOf(ledger, row.draft, note);
      const changed = hasChanged(row.draft, note);
      const outcome: Outcome =
        first === null
          ? { kind: 'already_imported', memoryId, createdAt, changed }
          : { kind: 'duplicate', firstRow: rows.labelOf(first), memoryId, createdAt };
      take(settled.add({ source: row.source, draft: row.draft, outcome }));
    }
    await Promise.all(taken);
  }
  return waited;
}
