import type { NoteKey, RunId } from '../model.js';
import type { Database } from './database.js';
import type { UndoWindow } from './ledger.js';

/** Which deletes were begun, in SQL: a line in `meta` for each window. */
export interface UndoWindows {
  begin(window: UndoWindow): void;
  end(runId: RunId, window: UndoWindow | null): void;
  open(): readonly UndoWindow[];
}

export function createUndoWindows(database: Database): UndoWindows {
  return {
    begin(window) {
      database.prepare(BEGIN_UNDO).run(nameOf(window), JSON.stringify(window));
    },
    end(runId, window) {
      if (window === null) database.prepare(END_UNDOS).run(`${NAME}${runId} *`);
      else database.prepare(END_UNDO).run(nameOf(window));
    },
    open: () =>
      database
        .prepare(OPEN_UNDOS)
        .all(`${NAME}*`)
        .map((row) => JSON.parse(String(row.value)) as UndoWindow), // written by `begin`, and by nobody else
  };
}

const NAME = 'undo ';
const BEGIN_UNDO = 'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
const END_UNDO = 'DELETE FROM meta WHERE name = ?';
const END_UNDOS = 'DELETE FROM meta WHERE name GLOB ?';
const OPEN_UNDOS = 'SELECT value FROM meta WHERE name GLOB ? ORDER BY name';

function nameOf({ runId, from, to }: UndoWindow): string {
  const place = (key: NoteKey) => String(key).padStart(16, '0');
  return `${NAME}${runId} ${place(from)} ${place(to)}`;
}
