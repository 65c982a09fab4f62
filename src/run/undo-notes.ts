import { asStop, asStopOfAny } from '../dispatch/halt.js';
import { createPermits } from '../dispatch/permits.js';
import { StoppedError } from '../errors.js';
import type { CreatedNote, CreatedPosition, Ledger } from '../ledger/ledger.js';
import type { NoteKey, RunId } from '../model.js';
import type { UndoneNote } from '../model-after-run.js';
import type { UndoFile } from '../report/table-file.js';
import type { Connection } from './connection.js';
import { createTornNotes, undoContact } from './undo-contact.js';

export interface NotesUndo {
  readonly runId: RunId;
  readonly ledger: Pick<Ledger, 'createdNotes' | 'contact' | 'commit' | 'beginUndo' | 'endUndo'>;
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt'>;
  readonly file: Pick<UndoFile, 'write'>;
  readonly concurrency: number;
  readonly force: boolean;
  /** What is durable. */
  readonly onSettled: (notes: readonly UndoneNote[]) => void;
}

/** So many notes are held; a contact is listed once for those of it that are among them. */
const WINDOW = 2000;
/** So many answers, at most about, are lost to the ledger by a `kill -9`: the next undo, or import, finds those memories gone. */
const BATCH = 100;
const AHEAD = 2;

/** Deletes what the run created, the newest first, window by window, contacts side by side. */
export async function undoNotes(undo: NotesUndo): Promise<void> {
  const { runId, ledger, connection, concurrency, force } = undo;
  const { halt } = connection;
  const settler = createSettler(undo);
  const torn = createTornNotes();
  const errors: unknown[] = [];
  let isCertain = true;
  const fail = (error: unknown): void => {
    if (asStop(error) === null) errors.push(error);
    halt.stop(asStopOfAny(error));
  };

  try {
    for (let after: CreatedPosition | null = null; !halt.signal.aborted; ) {
      const page: readonly CreatedNote[] = await ledger.createdNotes(runId, { order: 'newest', after, limit: WINDOW });
      after = page.at(-1) ?? null;
      const [newest] = page;
      if (after === null || newest === undefined) {
        // What an earlier undo left open has been asked for again.
        if (isCertain) await ledger.endUndo(runId, null);
        break;
      }
      const window = { runId, from: after.key, to: newest.key };
      await ledger.beginUndo(window);
      let isWindowCertain = true;
      const places = createPermits(concurrency * AHEAD);
      for (const notes of byContact(page)) {
        await places.acquire(1);
        undoContact(notes, { runId, connection, ledger, force, torn, settle: settler.add })
          .then((certain) => {
            isWindowCertain &&= certain;
          })
          .catch((error: unknown) => {
            isWindowCertain = false;
            fail(error);
          })
          .finally(() => places.release(1));
      }
      await places.idle();
      await settler.flush();
      if (errors.length > 0) break;
      isCertain &&= isWindowCertain;
      if (isWindowCertain) await ledger.endUndo(runId, window);
    }
  } catch (error) {
    fail(error);
  }
  if (errors.length > 0) throw errors[0];
}

export function byContact(page: readonly CreatedNote[]): Iterable<readonly CreatedNote[]> {
  const groups = new Map<string, CreatedNote[]>();
  for (const note of page) {
    const address = JSON.stringify([note.contactId, note.subOrg]);
    const group = groups.get(address);
    if (group === undefined) groups.set(address, [note]);
    else group.push(note);
  }
  return groups.values();
}

/** First the file, then the ledger: whatever the ledger calls undone stands in a file, also after a `kill -9`. */
function createSettler({ ledger, file, connection, onSettled }: NotesUndo) {
  let pending: { readonly line: UndoneNote; readonly key: NoteKey }[] = [];
  let last: Promise<void> = Promise.resolve();

  const write = async (batch: typeof pending): Promise<void> => {
    const lines = batch.map(({ line }) => line);
    await file.write(lines).catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      throw new StoppedError('report_files', `undo.csv can't be written: ${detail}. Make room and run undo again.`, true, { cause: error });
    });
    const transitions = batch
      .filter(({ line }) => line.outcome === 'deleted' || line.outcome === 'gone')
      .map(({ key }) => ({ key, to: 'undone' as const }));
    if (transitions.length > 0) await ledger.commit({ claims: [], transitions, failures: [] });
    onSettled(lines);
  };
  const writePending = (): void => {
    const batch = pending;
    pending = [];
    last = last.then(() => write(batch));
    last.catch((error: unknown) => {
      // Told by `flush`; until then nothing more is asked for that couldn't be kept.
      const stop = asStop(error);
      if (stop !== null) connection.halt.stop(stop);
    });
  };

  return {
    add({ key, row, contactId, subOrg }: CreatedNote, outcome: Pick<UndoneNote, 'outcome' | 'message'>, memoryId: string | null): void {
      pending.push({ key, line: { row, contactId, subOrg, memoryId, ...outcome } });
      if (pending.length >= BATCH) writePending();
    },
    flush(): Promise<void> {
      if (pending.length > 0) writePending();
      return last;
    },
  };
}
