import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import { notesOf, test } from '../../support/desk.js';

const NO_SUCH_CONTACT = { status: 404, body: { status: 'error', message: 'Contact not found' } };

describe.concurrent('verify', () => {
  test('says match where every memory is there as it was sent, also as servers trim and normalise it', async ({ openDesk }) => {
    const desk = await openDesk({ lists: { mangle: 'all' } });
    const notes = [...notesOf(['C-1', 'C-2'], 6), { contactId: 'C-3', name: 'Cafe\u0301', text: ' two\r\nlines ', subOrg: 'so-1' }];
    const { runId } = await desk.import(notes);
    desk.news();
    const summary = await desk.verify(runId);
    expect(summary).toMatchObject({
      runId,
      status: 'completed',
      reasonCode: null,
      ok: true,
      counts: { checked: 7, match: 7, missing: 0, altered: 0, twice: 0, contactGone: 0, unproven: 0, unknown: 0, inDoubt: 0, undone: 0 },
      contacts: { listed: 3, gone: 0, failed: 0 },
      sample: null,
      requests: { sent: 3, rateLimited: 0 },
      files: { verify: join(desk.folder, 'runs', runId, 'verify.csv') },
    });
    expect(
      desk
        .news()
        .map(({ method, subOrg }) => [method, subOrg])
        .sort(),
    ).toEqual([
      ['GET', null],
      ['GET', null],
      ['GET', 'so-1'],
    ]);
    expect(statSync(summary.files.verify!).mode & 0o777).toBe(0o600);
    expect(desk.table(runId, 'verify.csv').map(({ verdict }) => verdict)).toEqual(Array(7).fill('match'));
  });

  test('tells each note that is not there as it was sent by its own verdict, and each identical note by its own memory', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      lists: { showDeleted: true },
      answerWith: ({ method, contactId, repeat }) => {
        if (method !== 'GET' || (contactId !== 'gone' && contactId !== 'broken')) return undefined;
        // The first list is the import's own check of an empty ledger.
        return repeat === 0 ? undefined : contactId === 'gone' ? NO_SUCH_CONTACT : '500';
      },
    });
    const notes = notesOf(['C-1', 'C-2', 'C-3', 'gone', 'broken'], 15);
    const same = { contactId: 'C-1', name: 'same', text: 'said three times' };
    const { runId } = await desk.import([...notes, same, same, same], { duplicates: 'create' });
    const { sandbox, idOf } = desk;
    sandbox.change(idOf('1'), { text: 'somebody wrote something else' });
    sandbox.change(idOf('2'), { status: 'DELETED' });
    sandbox.change(idOf('3'), { status: 'OUTDATED' });
    const copy = sandbox.seed('C-2', { name: '7', text: 'What was said in call 7' });
    const fourth = sandbox.seed('C-1', same);

    const summary = await desk.verify(runId, { retries: 0 });

    expect(summary).toMatchObject({ ok: false, status: 'completed_with_failures', contacts: { listed: 3, gone: 1, failed: 1 } });
    expect(summary.counts).toMatchObject({
      checked: 18,
      match: 8,
      missing: 1,
      altered: 1,
      twice: 2,
      contactGone: 3,
      unknown: 3,
      unproven: 0,
    });
    const lines = new Map(desk.table(runId, 'verify.csv').map((line) => [line.row, line]));
    expect(lines.get('1')).toMatchObject({ contactId: 'C-1', memoryId: idOf('1'), verdict: 'altered' });
    expect(lines.get('2')).toMatchObject({ verdict: 'missing', message: 'deleted in the API' });
    expect(lines.get('3')).toMatchObject({ verdict: 'match', message: 'its status is OUTDATED' });
    expect(lines.get('4')).toMatchObject({ verdict: 'contact_gone', message: 'Contact not found' });
    expect(lines.get('5')).toMatchObject({ verdict: 'unknown' });
    expect(lines.get('7')).toMatchObject({ verdict: 'twice', otherIds: copy.id, memoryId: idOf('7') });
    expect(['16', '17', '18'].map((row) => lines.get(row)?.verdict)).toEqual(['twice', 'match', 'match']);
    expect(lines.get('16')?.otherIds).toBe(fourth.id);
  });

  test('a memory that has another id by now is missing, and told to be there under that id', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1'], 2));
    desk.sandbox.change(desk.idOf('1'), { status: 'DELETED' });
    const moved = desk.sandbox.seed('C-1', { name: '1', text: 'What was said in call 1' });
    await desk.verify(runId);
    expect(desk.table(runId, 'verify.csv')).toMatchObject([{ verdict: 'missing', otherIds: moved.id }, { verdict: 'match' }]);
  });

  test('absence is not believed from a list that may be one page of more, until a longer one was seen', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1'], 11));
    desk.sandbox.change(desk.idOf('4'), { status: 'DELETED' });
    expect((await desk.verify(runId)).counts).toMatchObject({ match: 10, missing: 0, unproven: 1 });
    // The ledger's largest contact is asked once.
    await desk.import(notesOf(['C-2'], 14));
    expect((await desk.verify(runId)).counts).toMatchObject({ match: 10, missing: 1, unproven: 0 });
  });

  test('a list that shows a memory late is asked again, as long as the run has ended just now', async ({ openDesk }) => {
    const desk = await openDesk({ lists: { lateMs: 300 } });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 4));
    expect(await desk.verify(runId, { reconcileWait: '1s' })).toMatchObject({ ok: true, counts: { match: 4 } });
  });

  test('a memory whose id was never learnt is found by its content; what is older was made by somebody else', async ({ openDesk }) => {
    const desk = await openDesk({ createdBody: 'empty' });
    const [first, second] = notesOf(['C-1'], 2);
    const { runId } = await desk.import([first!, second!], { inDoubt: 'report' });
    desk.sandbox.change(desk.idOf('2'), { status: 'DELETED' });
    desk.sandbox.seed('C-1', { ...second!, createdAt: '2020-01-01T00:00:00Z' });
    expect((await desk.verify(runId)).counts).toMatchObject({ checked: 2, match: 1, unproven: 1 });
    expect(desk.table(runId, 'verify.csv')).toMatchObject([
      { verdict: 'match', memoryId: desk.idOf('1') },
      { verdict: 'unproven', memoryId: '' },
    ]);
  });

  test('checks what the run itself created: not what it adopted, nor what another run did', async ({ openDesk }) => {
    const desk = await openDesk();
    const notes = notesOf(['C-1', 'C-2'], 6);
    desk.sandbox.seed('C-1', notes[0]!);
    const first = await desk.import(notes.slice(0, 4), { adopt: true });
    const second = await desk.import(notes);
    expect((await desk.verify(first.runId)).counts.checked).toBe(3);
    expect((await desk.verify(second.runId)).counts.checked).toBe(2);
    const third = await desk.import(notes);
    expect(await desk.verify(third.runId)).toMatchObject({ ok: true, counts: { checked: 0 }, requests: { sent: 0 } });
  });

  test('goes through 500s, 503s and resets', async ({ openDesk }) => {
    const desk = await openDesk({ seed: 7 });
    const { runId } = await desk.import(
      notesOf(
        Array.from({ length: 40 }, (_, i) => `C-${i}`),
        80,
      ),
    );
    desk.sandbox.setFaults({ '500': 0.1, '503': 0.1, reset: 0.1, '500-after': 0.05, 'reset-after': 0.05 });
    const summary = await desk.verify(runId, { retries: 20 });
    expect(summary).toMatchObject({ ok: true, counts: { checked: 80, match: 80 } });
    expect(summary.requests.sent).toBeGreaterThan(40);
  });

  test('says that all match after an import through lost answers, of whichever run each note is', async ({ openDesk }) => {
    const desk = await openDesk({ seed: 3, faults: { '500-after': 0.06, 'reset-after': 0.06, '500': 0.04 } });
    const notes = notesOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], 40);
    const runs = [await desk.import(notes, { limit: 20 }), await desk.import(notes)];
    expect(runs.map(({ counts }) => counts.failed)).toEqual([0, 0]);
    desk.sandbox.setFaults({});
    const checked = [];
    for (const { runId } of runs) checked.push(await desk.verify(runId));
    expect(checked.map(({ ok }) => ok)).toEqual([true, true]);
    expect(checked.reduce((sum, { counts }) => sum + counts.match, 0)).toBe(40);
  });

  test('waits as long as a 429 asks, and counts no failure for it', async ({ openDesk }) => {
    let refuse = false;
    const desk = await openDesk({
      answerWith: ({ contactId }) => {
        if (!refuse || contactId !== 'C-2') return undefined;
        refuse = false;
        return { status: 429, headers: { 'retry-after': '1' } };
      },
    });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2', 'C-3'], 6));
    refuse = true;
    const before = desk.sandbox.requests().length;
    expect(await desk.verify(runId, { retries: 0 })).toMatchObject({ ok: true, requests: { sent: 4, rateLimited: 1 } });
    const [first, second] = desk.sandbox
      .requests()
      .slice(before)
      .filter(({ contactId }) => contactId === 'C-2');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  test('stops where nothing but 429s come back for longer than --give-up-after, and so does undo', async ({ openDesk }) => {
    let refuse = false;
    const desk = await openDesk({ answerWith: () => (refuse ? { status: 429, headers: { 'retry-after': '0.2' } } : undefined) });
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 4));
    refuse = true;
    for (const command of [desk.verify, desk.undo]) {
      const summary = await command(runId, { giveUpAfter: '300ms' });
      expect(summary).toMatchObject({ status: 'stopped', reasonCode: 'rate_limited', continues: true, ok: false });
    }
    expect(desk.sandbox.stats().created).toBe(4);
  });

  test('keeps to --rate', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['a', 'b', 'c', 'd', 'e', 'f'], 6));
    // Five intervals of 100 ms, of which a late timer may catch up half a one.
    expect((await desk.verify(runId, { rate: 10 })).durationMs).toBeGreaterThanOrEqual(440);
  });

  test('has no more requests under way than --concurrency, and neither has undo', async ({ openDesk }) => {
    const desk = await openDesk({ latencyMs: 5 });
    const contacts = Array.from({ length: 30 }, (_, i) => `C-${i}`);
    const { runId } = await desk.import(notesOf(contacts, 60), { concurrency: 1 });
    expect(desk.sandbox.stats().peakConcurrency).toBe(1);
    expect(await desk.verify(runId, { concurrency: 3 })).toMatchObject({ ok: true, counts: { match: 60 } });
    const peak = desk.sandbox.stats().peakConcurrency;
    expect(peak).toBeGreaterThan(1);
    expect(peak).toBeLessThanOrEqual(3);
    expect(await desk.undo(runId, { concurrency: 5 })).toMatchObject({ ok: true, counts: { deleted: 60 } });
    expect(desk.sandbox.stats().peakConcurrency).toBeLessThanOrEqual(5);
  });

  test('stops where nobody answers, and leaves the last complete verify.csv alone', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2', 'C-3'], 6));
    await desk.verify(runId);
    desk.sandbox.setDown(true);
    const summary = await desk.verify(runId, { giveUpAfter: '300ms' });
    expect(summary).toMatchObject({ status: 'stopped', reasonCode: 'outage', continues: true, ok: false, counts: { checked: 0 } });
    expect(summary.files.verify).toMatch(/verify-incomplete\.csv$/);
    expect(desk.table(runId, 'verify.csv').length).toBe(6);
  });

  test('another key is refused before anything is asked; a key that the API refuses stops it at once', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 4));
    desk.news();
    await expect(desk.verify(runId, { apiKey: 'another' })).rejects.toThrow(/another API key/);
    await expect(desk.verify(runId, { baseUrl: 'http://127.0.0.1:9' })).rejects.toThrow(UserError);
    expect(desk.news()).toEqual([]);
    const refused = await desk.verify(runId, { apiKey: 'another', sameAccount: true });
    expect(refused).toMatchObject({ status: 'stopped', reasonCode: 'key_refused', continues: false, ok: false });
  });

  test('fifty pages in a row that are not the API\u2019s stop it: the address is wrong', async ({ openDesk }) => {
    let lost = false;
    const desk = await openDesk({ answerWith: () => (lost ? { status: 404, body: '<h1>Not here</h1>' } : undefined) });
    const { runId } = await desk.import(
      notesOf(
        Array.from({ length: 70 }, (_, i) => `C-${i}`),
        70,
      ),
    );
    lost = true;
    expect(await desk.verify(runId, { concurrency: 4 })).toMatchObject({ status: 'stopped', reasonCode: 'wrong_place', continues: false });
  });

  for (const [id, message] of [
    ['nonsense', /isn't the id of a run/],
    ['../../etc', /isn't the id of a run/],
    ['20261123T030749Z-4f9a', /knows no run 20261123T030749Z-4f9a/],
  ] as const) {
    test(`the run ${id} is none, with a ledger and without, and nothing is asked`, async ({ openDesk }) => {
      const desk = await openDesk();
      await expect(desk.verify(id)).rejects.toThrow(message);
      await expect(desk.undo(id)).rejects.toThrow(message);
      await desk.import(notesOf(['C-1'], 1));
      desk.news();
      await expect(desk.verify(id)).rejects.toThrow(message);
      await expect(desk.undo(id)).rejects.toThrow(UserError);
      expect(desk.news()).toEqual([]);
    });
  }

  test('works while a run holds the ledger', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 4));
    const { baseUrl, apiKey, ledger: path } = desk.options;
    const target = { baseUrl: new URL(baseUrl).href, apiKey };
    const held = openLedger({ path, runId: 'another' as RunId, what: 'a test', target, sameAccount: false, now: Date.now });
    try {
      expect(await desk.verify(runId)).toMatchObject({ ok: true, counts: { match: 4 } });
    } finally {
      await held.close();
    }
  });

  test('a sample is of so many contacts, the same ones for the same seed, and has a file of its own', async ({ openDesk }) => {
    const desk = await openDesk();
    const contacts = Array.from({ length: 30 }, (_, i) => `C-${i}`);
    const { runId } = await desk.import(notesOf(contacts, 60));
    const draw = async (seed?: number) => {
      const summary = await desk.verify(runId, { sample: 5, ...(seed === undefined ? {} : { seed }) });
      expect(summary).toMatchObject({ ok: true, counts: { checked: 10, match: 10 }, contacts: { listed: 5 } });
      expect(summary.sample).toEqual({ contacts: 5, ofContacts: 30, seed: seed ?? 1 });
      return desk.table(runId, 'verify-sample.csv').map(({ row }) => Number(row));
    };
    const first = await draw();
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
    expect(existsSync(join(desk.folder, 'runs', runId, 'verify.csv'))).toBe(false);
    expect(await desk.verify(runId, { sample: 100 })).toMatchObject({ sample: null, counts: { checked: 60 } });
  });

  for (const [options, message] of [
    [{ sample: 0 }, /--sample: expected a whole number of at least 1, found 0/],
    [{ sample: 'ten' }, /--sample: expected .*found "ten"/],
    [{ seed: 3 }, /--seed: it chooses a sample, and needs --sample/],
  ] as const) {
    test(`${JSON.stringify(options)} is refused`, async ({ openDesk }) => {
      const desk = await openDesk();
      await expect(desk.verify('20261123T030749Z-4f9a', options)).rejects.toThrow(message);
    });
  }

  test('aborted, it ends with what was checked by then', async ({ openDesk }) => {
    const controller = new AbortController();
    let lists = 0;
    const desk = await openDesk({
      answerWith: ({ method }) => {
        if (method === 'GET' && ++lists > 20 && lists === 24) controller.abort();
        return undefined;
      },
    });
    const { runId } = await desk.import(
      notesOf(
        Array.from({ length: 20 }, (_, i) => `C-${i}`),
        40,
      ),
    );
    lists = 20;
    const summary = await desk.verify(runId, { concurrency: 1 }, { signal: controller.signal });
    expect(summary).toMatchObject({ status: 'interrupted', reasonCode: 'signal', ok: false });
    expect(summary.counts.checked).toBeLessThan(40);
    expect(desk.table(runId, 'verify-incomplete.csv').length).toBe(summary.counts.checked);
  });
});
