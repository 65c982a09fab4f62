import { createFirstSeen } from '../ledger/first-seen.js';
import type { FailureClass, NoteKey, SettledRow, SourceRow } from '../model.js';
import { rowLabel } from '../model.js';
import { identityOf, toSubmitted } from './chunk-rows.js';
import type { ToldLesson } from './lessons.js';
import type { RunSession } from './run-session.js';
import type { ToldRow } from './words.js';
import type { ChunkNews, TakenChunk, WorkerStore } from './worker-store.js';

/** How long an outcome waits for company before it is told. */
const TELL_EVERY_MS = 200;

/**
 * Runs the rows of a chunk through the stages, and tells what becomes of them as it becomes known. Ends early when the session halts: the
 * rest is for others.
 * @returns how many rows it has settled
 */
export async function workChunk(chunk: TakenChunk, session: RunSession, store: Pick<WorkerStore, 'tell'>): Promise<number> {
  const { stages, halt, inputs, recovered, emit } = session;
  const keys = new Map<number, NoteKey>();
  const firstSeen = createFirstSeen();
  const places = new Map<SourceRow, number>();
  let rows: ToldRow[] = [];
  let unsaid: SettledRow[] = [];
  let lessons: ToldLesson[] = [];
  let settled = 0;
  let batch = 0;
  let isOurs = true;
  let telling: Promise<void> = Promise.resolve();

  const labelAt = (place: number): string => {
    const row = chunk.rows[place];
    if (row === undefined) throw new Error(`no row ${place} in the chunk`);
    return rowLabel({ input: inputs[row.input]!, row: row.row }, inputs.length);
  };

  const tell = (end: ChunkNews['end']): Promise<void> => {
    telling = telling.then(async () => {
      const news = { rows, lessons, said: unsaid };
      const events = session.events();
      [rows, lessons, unsaid] = [[], [], []];
      if (!isOurs || (end === null && news.rows.length === 0 && events.length === 0)) return;
      const { partition, sequence } = chunk;
      const told = { chunk: { partition, sequence }, rows: news.rows, events };
      isOurs = await store.tell(chunk, { batch: ++batch, told, lessons: news.lessons, end });
      if (isOurs && news.said.length > 0) emit({ type: 'rows_settled', rows: news.said });
    });
    telling.catch(() => {}); // told where it is awaited
    return telling;
  };

  const report = async (settledRow: SettledRow): Promise<void> => {
    const { source, draft, outcome } = settledRow;
    const place = places.get(source);
    const row = place === undefined ? undefined : chunk.rows[place];
    if (place === undefined || row === undefined || draft === null) throw new Error('a row that is not of this chunk');
    settled++;
    unsaid.push(settledRow);
    const identity = identityOf(row.draft, draft);
    rows.push({ place, outcome, key: keys.get(place) ?? null, ...(identity === undefined ? {} : { identity }) });
    if (outcome.kind === 'failed' && TEACHES.has(outcome.class)) {
      const { contactId, subOrg } = draft;
      lessons.push({ contactId, subOrg, class: outcome.class, label: labelAt(place) });
    }
  };

  const dispatcher = stages.dispatcher({
    report,
    recovered,
    lessons: chunk.lessons,
    labelOf: (ordinal) => labelAt(ordinal - 1),
    firstSeen: {
      has: firstSeen.has,
      meet(key, ordinal) {
        keys.set(ordinal - 1, key);
        return firstSeen.meet(key, ordinal);
      },
    },
  });
  const timer = setInterval(() => void tell(null).catch(() => {}), TELL_EVERY_MS);
  const left = chunk.rows.length - chunk.settled.size;
  try {
    for (const [place, row] of chunk.rows.entries()) {
      if (chunk.settled.has(place)) continue;
      if (halt.signal.aborted) break;
      const submitted = toSubmitted(row, place, inputs);
      places.set(submitted.source, place);
      const room = dispatcher.submit(submitted);
      if (room !== null) await room;
    }
    await dispatcher.idle();
    await stages.writer.flush();
    clearInterval(timer);
    if (settled < left && halt.reason?.reasonCode === 'ledger') throw halt.reason;
    await tell({ kind: settled === left ? 'done' : 'returned' });
  } catch (error) {
    clearInterval(timer);
    const problem = error instanceof Error ? error.message : String(error);
    await tell({ kind: 'failed', problem }).catch(() => {}); // the others find that this worker is dead
    throw error;
  } finally {
    clearInterval(timer);
  }
  return settled;
}

/** Failures that say something of the contact's later rows. */
const TEACHES: ReadonlySet<FailureClass> = new Set(['in_doubt', 'network', 'server_error', 'rate_limited', 'held', 'not_found']);
