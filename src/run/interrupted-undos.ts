import { createPermits } from '../dispatch/permits.js';
import type { CreatedNote, CreatedPosition, Ledger, UndoWindow } from '../ledger/ledger.js';
import type { Emit, NoteKey } from '../model.js';
import { compareNotes } from './compare-notes.js';
import type { Connection } from './connection.js';
import { byContact } from './undo-notes.js';

export interface InterruptedUndos {
  readonly ledger: Pick<Ledger, 'openUndos' | 'endUndo' | 'createdNotes' | 'contact' | 'commit'>;
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt' | 'clock'>;
  readonly emit: Emit;
  readonly concurrency: number;
  /** Epoch ms: a delete that a killed undo sent may be at work until then, so what is there isn't believed to stay before. */
  readonly believedFrom: number;
  /** False: nothing is looked for (`--in-doubt`). */
  readonly mayLook: boolean;
}

/**
 * An undo that was killed may have deleted memories that the ledger still counts as imported. Looks at those that it was about to delete:
 * what is gone becomes undone, so that the import creates it again; what is there stays imported.
 * @throws LedgerError
 */
export async function settleInterruptedUndos(undos: InterruptedUndos): Promise<void> {
  const { ledger, connection, emit, mayLook } = undos;
  const { clock, halt } = connection;
  const windows = await ledger.openUndos();
  if (windows.length === 0) return;
  const startedAt = clock.now();
  if (mayLook) emit({ type: 'paused', cause: 'old_doubts', why: 'Looking for what an undo that was cut off has deleted.' });
  const open = new Set<string>();
  for (const window of windows) {
    const isSettled = mayLook && (await settleWindow(window, undos));
    if (isSettled) await ledger.endUndo(window.runId, window);
    else open.add(window.runId);
  }
  if (mayLook) emit({ type: 'resumed', afterMs: clock.now() - startedAt });
  if (open.size === 0 || halt.signal.aborted) return;
  const runs = [...open].join(', ');
  const message = `An undo of run ${runs} was cut off, and looking couldn't settle what it has deleted: rows that count as imported may be gone. Finish it: memory-import undo ${[...open][0]}`;
  emit({ type: 'warning', code: 'undo_cut_off', message });
}

/** A look at so many notes is settled in one commit. */
const PAGE = 1000;
const AHEAD = 2;

/** False where some of its notes couldn't be settled. */
async function settleWindow(window: UndoWindow, undos: InterruptedUndos): Promise<boolean> {
  const { ledger, connection, concurrency } = undos;
  const { halt } = connection;
  let isSettled = true;
  let after: CreatedPosition = { contactId: '', subOrg: null, key: (window.to + 1) as NoteKey };
  for (;;) {
    const page = await ledger.createdNotes(window.runId, { order: 'newest', after, limit: PAGE });
    const notes = page.filter(({ key }) => key >= window.from);
    const last = notes.at(-1);
    if (last === undefined) return isSettled;
    after = last;
    const gone: CreatedNote[] = [];
    const errors: unknown[] = [];
    const places = createPermits(concurrency * AHEAD);
    for (const group of byContact(notes)) {
      await places.acquire(1);
      goneOf(group, undos)
        .then((found) => {
          if (found === null) isSettled = false;
          else gone.push(...found);
        })
        .catch((error: unknown) => errors.push(error))
        .finally(() => places.release(1));
    }
    await places.idle();
    if (errors.length > 0) throw errors[0];
    const transitions = gone.map(({ key }) => ({ key, to: 'undone' as const }));
    if (transitions.length > 0) await ledger.commit({ claims: [], transitions, failures: [] });
    if (halt.signal.aborted) return false;
  }
}

/** null where that can't be told of all of them. */
async function goneOf(group: readonly CreatedNote[], undos: InterruptedUndos): Promise<readonly CreatedNote[] | null> {
  const { clock, halt } = undos.connection;
  let presences = await presencesOf(group, undos);
  if (presences.some((presence) => presence !== 'missing') && clock.now() < undos.believedFrom) {
    await clock.sleep(undos.believedFrom - clock.now(), halt.signal);
    presences = await presencesOf(group, undos);
  }
  if (presences.some((presence) => presence === 'open')) return null;
  return group.filter((_, i) => presences[i] === 'missing');
}

async function presencesOf(group: readonly CreatedNote[], undos: InterruptedUndos): Promise<readonly ('there' | 'missing' | 'open')[]> {
  const looked = undos.connection.halt.signal.aborted ? null : await compareNotes(group, undos);
  return group.map((_, i) => {
    const presence = looked?.[i];
    if (presence === undefined || typeof presence === 'string' || presence.kind === 'unproven') return 'open';
    return presence.kind === 'missing' ? 'missing' : 'there';
  });
}
