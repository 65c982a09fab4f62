import { expect, test } from 'vitest';
import type { ListedMemory, MemoryAddress } from '../../../src/callers/api.js';
import { createPageSense } from '../../../src/callers/reconcile.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { Removal } from '../../../src/dispatch/persist.js';
import { LedgerError } from '../../../src/errors.js';
import type { CreatedNote, LedgerBatch } from '../../../src/ledger/ledger.js';
import { contentHash } from '../../../src/map/fingerprint.js';
import type { NoteKey, RunId } from '../../../src/model.js';
import type { UndoneNote } from '../../../src/model-after-run.js';
import { undoNotes } from '../../../src/run/undo-notes.js';

const CONTACTS = 40;

/** An undo of so many notes whose every collaborator is in memory, and writes down what happens in its order. */
function bench(count: number, fails: { file?: boolean; ledger?: boolean; bug?: boolean; lost?: boolean } = {}) {
  const notes = Array.from({ length: count }, (_, i) => noteOf(i + 1));
  const happened: string[] = [];
  const undone = new Set<NoteKey>();
  const written: UndoneNote[] = [];
  let mostHeld = 0;
  const halt = createHalt(() => {});
  const run = () =>
    undoNotes({
      runId: '20261123T030749Z-4f9a' as RunId,
      ledger: {
        async createdNotes(_run, { after, limit }) {
          const page = notes.filter(({ key }) => !undone.has(key) && (after === null || key < after.key)).reverse();
          mostHeld = Math.max(mostHeld, Math.min(page.length, limit));
          return page.slice(0, limit);
        },
        contact: async () => ({ memoryIds: new Set(), newest: null, unidentified: [] }),
        beginUndo: async ({ from, to }) => void happened.push(`begin ${from}-${to}`),
        endUndo: async (_run, window) => void happened.push(window === null ? 'end all' : `end ${window.from}-${window.to}`),
        async commit({ transitions }: LedgerBatch) {
          if (fails.ledger) throw new LedgerError('The ledger failed: disk full.');
          happened.push('commit');
          for (const { key } of transitions) {
            // First the file: what the ledger calls undone stands there.
            expect(written.some(({ row }) => row === `${key}`)).toBe(true);
            undone.add(key);
          }
          return [];
        },
      },
      connection: {
        persistence: {
          list: async ({ contactId }) => ({
            kind: 'listed',
            memories: notes.filter((note) => note.contactId === contactId && !undone.has(note.key)).map(memoryOf),
          }),
          async remove({ memoryId }: MemoryAddress): Promise<Removal | null> {
            if (halt.signal.aborted) return null;
            if (fails.bug) throw new TypeError('a bug');
            happened.push(`delete ${memoryId}`);
            if (fails.lost === true && memoryId === 'm7') return { kind: 'failed', message: 'reset' };
            return { kind: 'deleted', lostAnswers: 0 };
          },
          askForLongest: async () => {},
        },
        pages: createPageSense(),
        halt,
      },
      file: {
        async write(lines) {
          if (fails.file) throw new Error('no space left');
          happened.push('write');
          written.push(...lines);
        },
      },
      concurrency: 4,
      force: false,
      onSettled: () => {},
    });
  return {
    run,
    halt,
    happened,
    undone,
    written,
    mostHeld: () => mostHeld,
    deletes: () => happened.filter((what) => what.startsWith('delete')).length,
  };
}

function noteOf(key: number): CreatedNote {
  const rest = { subOrg: null, createdAt: null, how: 'created', claimedAt: 0, skewMs: null } as const;
  return {
    key: key as NoteKey,
    contactId: `C-${key % CONTACTS}`,
    row: `${key}`,
    sentHash: contentHash(`${key}`, 't'),
    memoryId: `m${key}`,
    ...rest,
  };
}

function memoryOf({ memoryId, row }: CreatedNote): ListedMemory {
  return { id: memoryId ?? '', name: row, text: 't', status: null, createdAt: null, createdAtText: null };
}

test('a long run is undone window by window, newest first, each batch in the file before the ledger calls it undone', async () => {
  const undo = bench(4500);
  await undo.run();
  expect(undo.undone.size).toBe(4500);
  expect(undo.written.length).toBe(4500);
  expect(undo.mostHeld()).toBe(2000);
  const order = undo.happened.filter((what) => what.startsWith('delete')).map((what) => Number(what.slice('delete m'.length)));
  // Nothing of an older window before everything of a newer one.
  expect(Math.min(...order.slice(0, 2000))).toBe(2501);
  expect(Math.min(...order.slice(2000, 4000))).toBe(501);
  for (let contact = 0; contact < CONTACTS; contact++) {
    const own = order.slice(0, 2000).filter((key) => key % CONTACTS === contact);
    expect(own).toEqual([...own].sort((a, b) => b - a));
  }
  const betweenCommits = undo.happened
    .join(' ')
    .split('commit')
    .map((part) => part.split('delete').length - 1);
  expect(Math.max(...betweenCommits)).toBeLessThan(300);
});

test('where the ledger fails nothing more is deleted than what was under way, and nothing counts as undone', async () => {
  const undo = bench(4500, { ledger: true });
  await undo.run();
  expect(undo.halt.reason).toMatchObject({ reasonCode: 'ledger', continues: true });
  expect(undo.undone.size).toBe(0);
  expect(undo.deletes()).toBeLessThan(2000);
});

test('before the first delete of a window it is known to be begun, and ended only where every answer is known', async () => {
  const undo = bench(2100);
  await undo.run();
  const steps = undo.happened.filter((what) => /^(begin|end)/.test(what));
  expect(steps).toEqual(['begin 101-2100', 'end 101-2100', 'begin 1-100', 'end 1-100', 'end all']);
  expect(undo.happened[0]).toBe('begin 101-2100');
  expect(undo.happened.slice(undo.happened.indexOf('end 101-2100') - 1)[0]).toBe('commit');
  for (const fails of [{ ledger: true }, { file: true }, { lost: true }]) {
    const cut = bench(300, fails);
    await cut.run();
    expect(cut.happened[0]).toBe('begin 1-300');
    expect(cut.happened.filter((what) => what.startsWith('end'))).toEqual([]);
  }
});

test('where undo.csv can\u2019t be written the ledger learns of nothing, and the undo stops', async () => {
  const undo = bench(4500, { file: true });
  await undo.run();
  expect(undo.halt.reason).toMatchObject({ reasonCode: 'report_files', continues: true });
  expect(undo.halt.reason?.message).toContain('no space left');
  expect(undo.happened).not.toContain('commit');
  expect(undo.deletes()).toBeLessThan(2000);
});

test('a bug is thrown, not swallowed', async () => {
  await expect(bench(10, { bug: true }).run()).rejects.toThrow(TypeError);
});
