import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { LedgerHeldError, UserError } from '../../../src/errors.js';
import { openLedger, openLedgerToRead } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import type { UndoPreview } from '../../../src/model-after-run.js';
import { removeRunFiles } from '../../../src/report/remove-run-files.js';
import { type Desk, notesOf, test } from '../../support/desk.js';
import { expectEachOnce } from '../../support/promises.js';

const NOT_FOUND = { status: 404, body: { status: 'error', message: 'Memory not found' } };

const REFUSED = { status: 400, body: { status: 'error', message: 'Not now' } };
/** Three memories. */
const LONG = Array.from({ length: 350 }, (_, i) => `Sentence number ${i + 1} of a long note.`).join(' ');

describe.concurrent('undo', () => {
  test('deletes exactly what the run created, each contact\u2019s newest first, and a corrected file can be imported', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const notes = notesOf(['C-1', 'C-2'], 8);
    const before = await desk.import(notes.slice(0, 2));
    desk.sandbox.seed('C-1', notes[2]!);
    const { runId } = await desk.import([...notes.slice(0, 6), { ...notes[6]!, subOrg: 'so-1' }], { adopt: true });
    const ids = (names: readonly string[]) => names.map(desk.idOf);
    desk.news();

    const summary = await desk.undo(runId);

    expect(summary).toEqual({
      runId,
      status: 'completed',
      reasonCode: null,
      reason: null,
      continues: true,
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
      durationMs: expect.any(Number),
      dryRun: false,
      ok: true,
      counts: { toUndo: 4, deleted: 4, gone: 0, altered: 0, failed: 0, left: 0, inDoubt: 0, undoneBefore: 0 },
      contacts: 2,
      requests: { sent: 7, rateLimited: 0 },
      files: { undo: join(desk.folder, 'runs', runId, 'undo.csv') },
    });
    const deletes = desk.news().filter(({ method }) => method === 'DELETE');
    expect(deletes.filter(({ subOrg }) => subOrg === 'so-1').map(({ path }) => path)).toEqual([`/memories/${desk.idOf('7')}`]);
    const ofSecond = ids(['6', '4']).map((id) => `/memories/${id}`);
    expect(deletes.map(({ path }) => path).filter((path) => ofSecond.includes(path))).toEqual(ofSecond);
    const left = desk.sandbox.memories().filter(({ status }) => status === 'ACTUAL');
    expect(left.map(({ name }) => name).sort()).toEqual(['1', '2', '3']);
    expect(statSync(summary.files.undo!).mode & 0o777).toBe(0o600);
    expect(
      desk
        .table(runId, 'undo.csv')
        .map(({ row, outcome }) => `${row} ${outcome}`)
        .sort(),
    ).toEqual(['4 deleted', '5 deleted', '6 deleted', '7 deleted']);

    // What is undone is new; what the other run created is still there.
    const corrected = await desk.import(notes);
    expect(corrected.counts).toMatchObject({ alreadyImported: 3, created: 5, failed: 0 });
    expect(await desk.verify(before.runId)).toMatchObject({ ok: true, counts: { match: 2 } });
    expect(await desk.verify(corrected.runId)).toMatchObject({ ok: true, counts: { match: 5 } });
    expect(desk.sandbox.stats().duplicates).toBe(0);
    expect(await desk.undo(runId)).toMatchObject({ ok: true, counts: { toUndo: 0 }, requests: { sent: 0 }, files: {} });
  });

  test('leaves alone what was altered since, and says so; --force deletes it too', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 6));
    desk.sandbox.change(desk.idOf('3'), { text: 'Worth keeping' });
    const careful = await desk.undo(runId);
    expect(careful).toMatchObject({ ok: false, status: 'completed_with_failures', counts: { toUndo: 6, deleted: 5, altered: 1, left: 0 } });
    expect(desk.table(runId, 'undo.csv').filter(({ outcome }) => outcome === 'altered')).toMatchObject([
      { row: '3', memoryId: desk.idOf('3') },
    ]);
    expect(desk.sandbox.stats().created).toBe(1);
    expect(await desk.undo(runId, { force: true })).toMatchObject({ ok: true, counts: { toUndo: 1, deleted: 1, undoneBefore: 5 } });
    expect(desk.sandbox.stats().created).toBe(0);
    // What the first one said isn't lost.
    expect(desk.table(runId, 'undo.csv').length).toBe(6);
    expect(desk.table(runId, 'undo-2.csv')).toMatchObject([{ row: '3', outcome: 'deleted', message: 'it was altered since' }]);
  });

  test('deletes a note in several parts whole or not at all: one that was altered keeps the others, --force deletes all', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const notes = [{ contactId: 'C-1', name: 'Long', text: LONG }, ...notesOf(['C-1'], 2), { contactId: 'C-1', name: 'Kept', text: LONG }];
    const { runId } = await desk.import(notes, { tooLong: 'split' });
    desk.sandbox.change(desk.idOf('Long (2/3)'), { name: 'Renamed', text: 'Altered since' });
    const careful = await desk.undo(runId);
    expect(careful).toMatchObject({ ok: false, counts: { toUndo: 8, deleted: 5, altered: 3, failed: 0, left: 0 } });
    const names = () => desk.sandbox.memories().flatMap(({ name, status }) => (status === 'ACTUAL' ? [name] : []));
    expect(names()).toEqual(['Long (1/3)', 'Renamed', 'Long (3/3)']);
    const altered = desk.idOf('Renamed');
    const left = desk.table(runId, 'undo.csv').filter(({ outcome }) => outcome === 'altered');
    expect(left.map(({ row, memoryId, message }) => [row, memoryId === altered, message])).toEqual([
      ['1', false, `another part of its note (${altered}) was altered since: left alone with it (--force deletes both)`],
      ['1', true, expect.stringMatching(/isn't what was sent/)],
      ['1', false, expect.stringMatching(/left alone with it/)],
    ]);
    expect(await desk.undo(runId, { force: true })).toMatchObject({ ok: true, counts: { toUndo: 3, deleted: 3 } });
    expect(names()).toEqual([]);
  });

  test('goes on with a note of which a part couldn\u2019t be deleted, and leaves those before it until then', async ({ openDesk }) => {
    let refused: string | null = null;
    const desk = await openDesk({
      answerWith: ({ memoryId }) => (memoryId !== null && memoryId === refused ? REFUSED : undefined),
    });
    const { runId } = await desk.import([{ contactId: 'C-1', name: 'Long', text: LONG }], { tooLong: 'split' });
    refused = desk.idOf('Long (2/3)');
    expect(await desk.undo(runId)).toMatchObject({ ok: false, counts: { toUndo: 3, deleted: 1, failed: 2 } });
    expect(desk.table(runId, 'undo.csv').map(({ outcome, message }) => [outcome, message])).toEqual([
      ['deleted', ''],
      ['failed', expect.stringMatching(/Not now/)],
      ['failed', "another part of its note couldn't be deleted: left alone with it"],
    ]);
    refused = null;
    expect(await desk.undo(runId)).toMatchObject({ ok: true, counts: { toUndo: 2, deleted: 2, undoneBefore: 1 } });
    expect(desk.sandbox.stats().created).toBe(0);
  });

  test('counts as gone what somebody else deleted, with its contact too, and names copies that it leaves', async ({ openDesk }) => {
    let isContactGone = false;
    const desk = await openDesk({
      lists: { showDeleted: true },
      answerWith: ({ contactId }) => (isContactGone && contactId === 'C-2' ? NOT_FOUND : undefined),
    });
    const notes = notesOf(['C-1', 'C-2'], 4);
    const { runId } = await desk.import(notes);
    for (const name of ['1', '2', '4']) desk.sandbox.change(desk.idOf(name), { status: 'DELETED' });
    const copy = desk.sandbox.seed('C-1', notes[2]!);
    isContactGone = true;
    expect(await desk.undo(runId)).toMatchObject({ ok: true, counts: { deleted: 1, gone: 3 } });
    const lines = desk.table(runId, 'undo.csv');
    expect(lines.find(({ row }) => row === '3')?.message).toContain(copy.id);
    expect(
      desk.sandbox
        .memories()
        .filter(({ status }) => status === 'ACTUAL')
        .map(({ id }) => id),
    ).toEqual([copy.id]);
  });

  test('is done through lost answers, 500s, 503s and resets, and what was undone is created again exactly once', {
    timeout: 60_000,
  }, async ({ openDesk }) => {
    const desk = await openDesk({ seed: 5, lists: { showDeleted: true } });
    const notes = notesOf(
      Array.from({ length: 12 }, (_, i) => `C-${i}`),
      36,
    );
    const { runId } = await desk.import(notes);
    const faults = { '500': 0.04, '503': 0.04, reset: 0.04, '500-after': 0.06, 'reset-after': 0.06 };
    desk.sandbox.setFaults(faults);
    const summary = await desk.undo(runId, { retries: 20 });
    expect(summary).toMatchObject({ ok: true, counts: { toUndo: 36, deleted: 36, gone: 0 } });
    expect(desk.sandbox.stats().created).toBe(0);
    const again = await desk.import(notes, { retries: 20 });
    expect(again.counts).toMatchObject({ failed: 0, alreadyImported: 0 });
    expect(again.counts.created + again.counts.recovered).toBe(36);
    desk.sandbox.setFaults({});
    expect(desk.sandbox.stats()).toMatchObject({ created: 36, duplicates: 0 });
    expect(await desk.verify(again.runId)).toMatchObject({ ok: true, counts: { match: 36 } });
  });

  test('waits as long as a 429 asks, and counts no failure for it', async ({ openDesk }) => {
    let refusals = 0;
    const desk = await openDesk({
      answerWith: ({ method }) => (method === 'DELETE' && refusals++ === 0 ? { status: 429, headers: { 'retry-after': '1' } } : undefined),
    });
    const { runId } = await desk.import(notesOf(['C-1'], 2));
    expect(await desk.undo(runId, { retries: 0 })).toMatchObject({
      ok: true,
      counts: { deleted: 2 },
      requests: { sent: 4, rateLimited: 1 },
    });
    const [first, second] = desk.sandbox.requests().filter(({ method }) => method === 'DELETE');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  test('deletes nothing blindly: where the list can\u2019t be had, or may be one page of more, the note is left and called failed', async ({
    openDesk,
  }) => {
    let broken = false;
    const desk = await openDesk({
      lists: { pageSize: 10, newestFirst: true },
      answerWith: ({ method, contactId }) => (broken && method === 'GET' && contactId === 'C-1' ? '500' : undefined),
    });
    const { runId } = await desk.import([...notesOf(['C-1'], 2), ...notesOf(['C-2'], 12)]);
    broken = true;
    const first = await desk.undo(runId, { retries: 0 });
    expect(first).toMatchObject({ ok: false, status: 'completed_with_failures', counts: { deleted: 10, failed: 4 } });
    expect(
      desk
        .table(runId, 'undo.csv')
        .filter(({ outcome }) => outcome === 'failed')
        .map(({ message }) => message),
    ).toEqual(Array(4).fill(expect.stringContaining("can't be compared")));
    broken = false;
    expect(await desk.undo(runId)).toMatchObject({ ok: true, counts: { toUndo: 4, deleted: 4 } });
    expect(desk.sandbox.stats().created).toBe(0);
  });

  test('a refusal is told, and so is a 404 for a memory that the list shows: neither counts as undone', async ({ openDesk }) => {
    const answers: Record<string, object> = {};
    const desk = await openDesk({ answerWith: ({ memoryId }) => (memoryId === null ? undefined : (answers[memoryId] as never)) });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 5));
    answers[desk.idOf('1')] = { status: 403, body: { status: 'error', message: 'Not yours' } };
    answers[desk.idOf('2')] = NOT_FOUND;
    answers[desk.idOf('3')] = { status: 404, body: '<h1>Not here</h1>' };
    answers[desk.idOf('4')] = { status: 200, body: '<h1>Welcome</h1>' };
    const summary = await desk.undo(runId, { retries: 1 });
    expect(summary).toMatchObject({ ok: false, counts: { deleted: 1, gone: 0, failed: 4 } });
    const messages = new Map(desk.table(runId, 'undo.csv').map(({ row, message }) => [row, message]));
    expect(messages.get('1')).toBe('Not yours');
    expect(messages.get('2')).toContain("the list shows it, and DELETE answers that it isn't there");
    expect(await stateOf(desk, runId)).toMatchObject({ notes: 4, undone: 1 });
  });

  test('an id that was never learnt is found by the content; what is older, or could be one of several, is left', async ({ openDesk }) => {
    const desk = await openDesk({ createdBody: 'empty' });
    const notes = notesOf(['C-1', 'C-2', 'C-3'], 3);
    const { runId } = await desk.import(notes, { inDoubt: 'report' });
    desk.sandbox.change(desk.idOf('2'), { status: 'DELETED' });
    desk.sandbox.seed('C-2', { ...notes[1]!, createdAt: '2020-01-01T00:00:00Z' });
    desk.sandbox.seed('C-3', notes[2]!);
    expect(await desk.undo(runId)).toMatchObject({ ok: false, counts: { deleted: 1, failed: 2 } });
    const left = desk.sandbox.memories().filter(({ status }) => status === 'ACTUAL');
    expect(left.map(({ name }) => name)).toEqual(['3', '2', '3']);
  });

  test('says how many, on how many contacts and where, before anything is asked for; a no changes nothing', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2', 'C-3'], 7));
    desk.news();
    const previews: UndoPreview[] = [];
    const refuse = (preview: UndoPreview) => {
      previews.push(preview);
      return false;
    };
    await expect(desk.undo(runId, {}, { confirm: refuse })).rejects.toThrow(new UserError('Not confirmed: nothing was deleted.'));
    const baseUrl = new URL(desk.options.baseUrl).href;
    expect(previews).toEqual([{ runId, baseUrl, memories: 7, contacts: 3, inDoubt: 0, undone: 0 }]);
    const dry = await desk.undo(runId, { dryRun: true }, { confirm: refuse });
    expect(dry).toMatchObject({ dryRun: true, status: 'completed', counts: { toUndo: 7, left: 7, deleted: 0 }, contacts: 3, files: {} });
    expect(previews.length).toBe(1);
    expect(desk.news()).toEqual([]);
    expect(await desk.undo(runId, {}, { confirm: async () => true })).toMatchObject({ ok: true, counts: { deleted: 7 } });
  });

  test('a note in doubt can\u2019t be undone before it is settled: it is told, and the run that finds it can be undone', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ answerWith: ({ name }) => (name === '2' ? 'reset-after' : undefined) });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 4), { inDoubt: 'report' });
    const summary = await desk.undo(runId);
    expect(summary).toMatchObject({ ok: false, status: 'completed_with_failures', counts: { toUndo: 2, deleted: 2, inDoubt: 1 } });
    const settling = await desk.import([]);
    expect(settling.counts).toMatchObject({ rows: 0 });
    expect(await desk.undo(settling.runId)).toMatchObject({ ok: true, counts: { deleted: 1 } });
    expect(desk.sandbox.stats().created).toBe(0);
  });

  test('aborted, it settles what was asked for; again, it goes on', async ({ openDesk }) => {
    const controller = new AbortController();
    let deletes = 0;
    const desk = await openDesk({
      answerWith: ({ method }) => {
        if (method === 'DELETE' && ++deletes === 9) controller.abort();
        return undefined;
      },
    });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2', 'C-3'], 30));
    const first = await desk.undo(runId, { concurrency: 2 }, { signal: controller.signal });
    expect(first).toMatchObject({ status: 'interrupted', reasonCode: 'signal', continues: true, ok: false });
    expect(first.counts.deleted).toBe(30 - desk.sandbox.stats().created);
    expect(first.counts.left).toBe(30 - first.counts.deleted);
    expect(first.counts.left).toBeGreaterThan(0);
    expect(await stateOf(desk, runId)).toMatchObject({ notes: first.counts.left, undone: first.counts.deleted });
    expect(await desk.undo(runId)).toMatchObject({ ok: true, counts: { toUndo: first.counts.left, undoneBefore: first.counts.deleted } });
    const lines = ['undo.csv', 'undo-2.csv'].flatMap((name) => desk.table(runId, name).map(({ row }) => Number(row)));
    expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  test('stops where nobody answers, and where the key is refused; nothing is called undone that isn\u2019t', async ({ openDesk }) => {
    const desk = await openDesk();
    const notes = notesOf(['C-1', 'C-2', 'C-3'], 6);
    const { runId } = await desk.import(notes);
    desk.sandbox.setDown(true);
    const outage = await desk.undo(runId, { giveUpAfter: '300ms' });
    expect(outage).toMatchObject({ status: 'stopped', reasonCode: 'outage', continues: true, counts: { left: 6 } });
    desk.sandbox.setDown(false);
    await expect(desk.undo(runId, { apiKey: 'another' })).rejects.toThrow(/another API key/);
    const refused = await desk.undo(runId, { apiKey: 'another', sameAccount: true });
    expect(refused).toMatchObject({ status: 'stopped', reasonCode: 'key_refused', continues: false, counts: { left: 6 } });
    expect(await stateOf(desk, runId)).toMatchObject({ notes: 6, undone: 0 });
    expectEachOnce(desk.sandbox, notes);
  });

  test('needs the ledger for itself', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1'], 2));
    const { baseUrl, apiKey, ledger: path } = desk.options;
    const target = { baseUrl: new URL(baseUrl).href, apiKey };
    const held = openLedger({ path, runId: 'another' as RunId, what: 'a test', target, sameAccount: false, now: Date.now });
    desk.news();
    try {
      await expect(desk.undo(runId)).rejects.toThrow(LedgerHeldError);
    } finally {
      await held.close();
    }
    expect(desk.news()).toEqual([]);
  });

  test('makes the run\u2019s folder again where it was removed, and leaves nothing there that `runs --prune` doesn\u2019t know', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 2));
    rmSync(join(desk.folder, 'runs'), { recursive: true });
    expect(await desk.verify(runId)).toMatchObject({ ok: true });
    await desk.verify(runId, { sample: 1 });
    await desk.verify(runId, {}, { signal: AbortSignal.abort() });
    await desk.undo(runId, {}, { signal: AbortSignal.abort() });
    expect(await desk.undo(runId)).toMatchObject({ ok: true });
    expect(desk.table(runId, 'undo-2.csv').length).toBe(2);
    const names = ['undo-2.csv', 'undo.csv', 'verify-incomplete.csv', 'verify-sample.csv', 'verify.csv'];
    const folder = join(desk.folder, 'runs', runId);
    expect(readdirSync(folder).sort()).toEqual(names);
    expect(await removeRunFiles(folder, { dryRun: false })).toMatchObject({ files: names.length, left: [], problem: null });
  });
});

async function stateOf({ options }: Desk, runId: RunId) {
  const ledger = openLedgerToRead(options.ledger)!;
  try {
    return await ledger.createdTally(runId);
  } finally {
    await ledger.close();
  }
}
