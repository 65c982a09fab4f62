import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { listRuns, rebuildLedger, rewriteReports } from '../../../src/index.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import { type Desk, notesOf, test } from '../../support/desk.js';

const env = {};
const NOTES = notesOf(['C-1', 'C-2'], 6);

/** Three memories. */
const LONG = Array.from({ length: 350 }, (_, i) => `Sentence number ${i + 1} of a long note.`).join(' ');

const undoneRuns = async (desk: Desk) => (await listRuns(desk.options, { env })).map(({ runId, undone }) => [runId, undone]);
const report = (desk: Desk, runId: string) => rewriteReports(runId, desk.options, { env });
const statuses = (desk: Desk, runId: string) => desk.table(runId, 'success.csv').map(({ row, status }) => `${row} ${status}`);
const page = (desk: Desk, runId: string) => readFileSync(join(desk.folder, 'runs', runId, 'report.html'), 'utf8');

describe.concurrent('a run that was undone', () => {
  test('is listed as undone in part, and its reports say which notes and what is left', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import([...NOTES, NOTES[0]!]);
    desk.sandbox.change(desk.idOf('3'), { text: 'Altered since' });
    expect(await undoneRuns(desk)).toEqual([[runId, null]]);
    expect(await desk.undo(runId)).toMatchObject({ counts: { deleted: 5, altered: 1 } });
    expect(await undoneRuns(desk)).toEqual([[runId, { notes: 5, left: 1 }]]);

    expect(await report(desk, runId)).toMatchObject({ notes: ['5 notes of it were undone since: success.csv calls such rows undone.'] });
    expect(statuses(desk, runId)).toEqual(['1 undone', '2 undone', '3 created', '4 undone', '5 undone', '6 undone', '7 undone']);
    expect(desk.table(runId, 'success.csv')[0]).toMatchObject({ name: '1', memoryId: desk.idOf('1'), attempts: '1' });
    expect(page(desk, runId)).toContain('<h1>Partly undone: 5 notes of it were deleted again, 1 is left.</h1>');

    expect(await desk.undo(runId, { force: true })).toMatchObject({ counts: { deleted: 1 } });
    expect(await undoneRuns(desk)).toEqual([[runId, { notes: 6, left: 0 }]]);
    // Also without the input.
    rmSync(join(desk.folder, 'notes.csv'));
    rmSync(join(desk.folder, 'runs', runId, 'success.csv'));
    await report(desk, runId);
    expect(statuses(desk, runId).sort()).toEqual(['1 undone', '2 undone', '3 undone', '4 undone', '5 undone', '6 undone']);
    expect(page(desk, runId)).toContain('<h1>Undone: 6 notes of it were deleted again.</h1>');
  });

  test('stays so when a later run has created its notes again, and its success.csv is left as it is', async ({ openDesk }) => {
    const desk = await openDesk();
    const first = await desk.import(NOTES);
    await desk.undo(first.runId);
    const second = await desk.import(NOTES);
    expect(await undoneRuns(desk)).toEqual([
      [second.runId, null],
      [first.runId, { notes: 6, left: 0 }],
    ]);
    const before = statuses(desk, first.runId);
    expect(before).toHaveLength(6);
    const { notes, files } = await report(desk, first.runId);
    expect(notes).toEqual([
      'Of 6 rows the ledger has only what later runs have made of their notes.',
      expect.stringMatching(/success\.csv is there already, with all its rows, and was left as it is\.$/),
      '6 notes of it were undone since.',
    ]);
    expect(files.success).toBeUndefined();
    expect(statuses(desk, first.runId)).toEqual(before);
    expect(page(desk, first.runId)).toContain('<h1>Undone: 6 notes of it were deleted again.</h1>');
    expect((await report(desk, second.runId)).notes).toEqual([]);
    expect(statuses(desk, second.runId)).toHaveLength(6);
  });

  test('is told by its notes where the undo was killed', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(NOTES);
    desk.sandbox.change(desk.idOf('3'), { text: 'Altered since' });
    await desk.undo(runId);
    const target = { baseUrl: `${desk.options.baseUrl}/`, apiKey: desk.options.apiKey };
    const place = { path: desk.options.ledger, runId: '29990101T000000Z-0000' as RunId, what: 'a test', target, sameAccount: true };
    const ledger = openLedger({ ...place, now: Date.now });
    const run = await ledger.run(runId);
    // As it was before the first delete.
    await ledger.saveRun({ ...run!, undone: { at: null, notes: 0, left: 6 } });
    await ledger.close();
    expect(await undoneRuns(desk)).toEqual([[runId, { notes: 5, left: 1 }]]);
  });

  test('does not come back from a success.csv that says so: a rebuilt ledger lets its notes be imported again', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import([...NOTES, NOTES[0]!]);
    desk.sandbox.change(desk.idOf('3'), { text: 'Altered since' });
    await desk.undo(runId);
    const { files } = await report(desk, runId);
    const other = { ...desk.options, ledger: join(desk.folder, 'other.db') };
    const { counts } = await rebuildLedger({ ...other, inputs: [files.success ?? ''] }, { env });
    expect(counts).toMatchObject({ rows: 7, added: 1, undone: 6, unreadable: 0 });
    expect((await desk.import(NOTES, other)).counts).toMatchObject({ created: 5, alreadyImported: 1 });
  });

  test('in the middle of a note in several parts says which are left, and a rebuilt ledger sends only the others again', async ({
    openDesk,
  }) => {
    let refuses = true;
    const desk = await openDesk({
      answerWith: ({ method }) => {
        if (method !== 'DELETE' || !refuses || ++deletes < 3) return undefined;
        return { status: 400, body: { status: 'error', message: 'Not now' } };
      },
    });
    let deletes = 0;
    const notes = [{ contactId: 'C-1', name: 'Long', text: LONG }];
    const { runId } = await desk.import(notes, { tooLong: 'split' });
    const [first] = desk.table(runId, 'success.csv');
    expect(await desk.undo(runId)).toMatchObject({ counts: { toUndo: 3, deleted: 2, failed: 1 } });
    refuses = false;

    const { files } = await report(desk, runId);
    const [row, ...more] = desk.table(runId, 'success.csv');
    expect(more).toEqual([]);
    expect(row).toEqual({
      ...first,
      attempts: '1', // the last part's
      status: 'partly_undone',
      memoryId: desk.idOf('Long (1/3)'),
      fingerprint: first?.fingerprint?.split(' ')[0],
    });

    const other = { ...desk.options, ledger: join(desk.folder, 'other.db') };
    const rebuild = () => rebuildLedger({ ...other, inputs: [files.success ?? ''] }, { env });
    expect((await rebuild()).counts).toMatchObject({ rows: 1, added: 0, undone: 1, unreadable: 0 });
    expect((await rebuild()).counts).toMatchObject({ rows: 1, added: 0, undone: 1, unreadable: 0 });
    const again = await desk.import(notes, { ...other, tooLong: 'split' });
    expect(again.counts).toMatchObject({ created: 1, failed: 0 });
    const there = desk.sandbox.memories().filter(({ status }) => status === 'ACTUAL');
    expect(there.map(({ name }) => name)).toEqual(['Long (1/3)', 'Long (2/3)', 'Long (3/3)']);
  });

  test('of identical notes in several parts undoes each whole, and names its own memories', async ({ openDesk }) => {
    const desk = await openDesk();
    const note = { contactId: 'C-1', name: 'Long', text: LONG };
    const options = { tooLong: 'split', duplicates: 'create' } as const;
    const { runId } = await desk.import([note, note], options);
    const columns = () => desk.table(runId, 'success.csv').map(({ memoryId, fingerprint, status }) => ({ memoryId, fingerprint, status }));
    const written = columns();
    expect(new Set(written.flatMap(({ fingerprint }) => fingerprint?.split(' '))).size).toBe(6);
    await report(desk, runId);
    expect(columns()).toEqual(written);

    const secondOnes = written[1]?.memoryId?.split(' ') ?? [];
    desk.sandbox.change(secondOnes[0]!, { text: 'Altered since' });
    expect(await desk.undo(runId)).toMatchObject({ counts: { deleted: 3, altered: 3 } });
    await report(desk, runId);
    expect(columns()).toEqual([expect.objectContaining({ status: 'undone' }), written[1]]);
    expect((await desk.import([note, note], options)).counts).toMatchObject({ created: 1, alreadyImported: 1 });
    expect(desk.sandbox.stats().created).toBe(6);
  });
});
