import { describe, expect, test } from 'vitest';
import { takeClosingLooks } from '../../../src/dispatch/doubts.js';
import type { Looker } from '../../../src/dispatch/look.js';
import type { OpenNote } from '../../../src/ledger/ledger.js';
import type { LedgerWriter } from '../../../src/ledger/writer.js';
import type { Fingerprint, NoteKey, RunId } from '../../../src/model.js';
import { createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { ledgerFile, notesOf, simulate } from './harness.js';

const never = () => Promise.reject(new Error('not asked for here'));
const NO_LOOKER: Looker = { settle: never, once: never, list: never, askForLongest: never };
const NO_WRITER: LedgerWriter = { claim: never, settle: never, learn: () => {}, fail: never, flush: never };

function openNote(key: number, contactId: string): OpenNote {
  return {
    key: key as NoteKey, // of a ledger that isn't there
    fingerprint: '' as Fingerprint,
    state: 'closing',
    contactId,
    subOrg: null,
    sentHash: '',
    row: String(key),
    runId: 'run' as RunId,
    memoryId: null,
    claimedAt: 0,
    skewMs: null,
    since: 0,
  };
}

const ONE = [{ contactId: 'c1', text: 'one' }];

describe('what an earlier run left in doubt', () => {
  test('and is there is recovered, also where the input no longer has it', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const ledgerPath = ledgerFile();
    const killed = await simulate({ clock, server, notes: notesOf(10), ledgerPath, options: { concurrency: 4 }, killAfterMs: 700 });
    expect(killed.killed).toBe(true);
    await clock.run(clock.sleep(5000));
    expect(server.memories).toHaveLength(4); // the server finished what it had
    const next = await simulate({ clock, server, notes: [], ledgerPath });
    expect(next.events.find(({ type }) => type === 'doubts_settled')).toMatchObject({ recovered: 4, open: 0 });
    expect(server.creates()).toHaveLength(4);
    const last = await simulate({ clock, server, notes: notesOf(10), ledgerPath });
    expect(last.kinds.filter((kind) => kind === 'already_imported')).toHaveLength(4);
    expect(last.kinds.filter((kind) => kind === 'created')).toHaveLength(6);
    expect(server.memories).toHaveLength(10);
  });

  test('and is in the input is reported as recovered by the run that found it', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 700 });
    const next = await simulate({ clock, server, notes: [...ONE, ...ONE], ledgerPath });
    expect(next.kinds).toEqual(['recovered', 'duplicate']);
    expect(server.creates()).toHaveLength(1);
  });

  test('and is absent is released, and sent again by the run that has it in its input', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: null, status: null } : { kind: 'created' }),
    });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 500 });
    const without = await simulate({ clock, server, notes: [], ledgerPath });
    expect(without.events.find(({ type }) => type === 'doubts_settled')).toMatchObject({ recovered: 0, absent: 1, open: 0 });
    expect(without.open).toEqual([]);
    expect(server.creates()).toHaveLength(1);
    const next = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(next.kinds).toEqual(['created']);
    // Once more than before: the closing look.
    expect(server.calls.slice(-2).map(({ verb }) => verb)).toEqual(['create', 'list']);
    expect(next.open).toEqual([]);
  });

  test('and can’t be proved stays in doubt, run after run, unsent; its contact’s other notes wait', async () => {
    const clock = createVirtualClock();
    let listsFail = true;
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
      onList: () => (listsFail ? { kind: 'unlisted', outage: false, status: 404 } : { kind: 'listed' }),
    });
    const ledgerPath = ledgerFile();
    const notes = notesOf(1, 3);
    for (let i = 0; i < 3; i++) {
      const run = await simulate({ clock, server, notes, ledgerPath });
      expect(run.kinds).toEqual(['in_doubt', 'held', 'held']);
    }
    expect(server.creates()).toHaveLength(1);
    listsFail = false;
    const last = await simulate({ clock, server, notes: notes.slice(0, 1), ledgerPath });
    expect(last.kinds).toEqual(['created']);
    expect(server.memories).toHaveLength(1);
  });

  test('keeps its time through a crash loop: the wait isn’t started again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) =>
        nth === 0 ? { kind: 'lost', createdAfterMs: null, status: null, answerAfterMs: 30_000 } : { kind: 'created' },
    });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 100 });
    const found = clock.now();
    let crashes = 0;
    // Killed every 2 s, it takes until 10 s after the doubt was first noticed.
    while (server.creates().length === 1 && crashes < 20) {
      await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 2000 });
      crashes++;
    }
    expect(crashes).toBeLessThanOrEqual(7);
    expect(server.creates()[1]!.at - found).toBeGreaterThanOrEqual(10_000);
    expect(server.creates()[1]!.at - found).toBeLessThan(13_000);
  });

  test('with --in-doubt report is left alone; with resend it is sent again, and the copy told', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs: 5, status: null } : { kind: 'created' }),
    });
    const ledgerPath = ledgerFile();
    for (let i = 0; i < 2; i++) {
      const run = await simulate({ clock, server, notes: ONE, ledgerPath, options: { inDoubt: 'report' } });
      expect(run.kinds).toEqual(['in_doubt']);
    }
    expect(server.calls).toHaveLength(1);
    const run = await simulate({ clock, server, notes: ONE, ledgerPath, options: { inDoubt: 'resend' } });
    expect(run.kinds).toEqual(['created']);
    expect(run.events.filter(({ type }) => type === 'surplus')).toEqual([{ type: 'surplus', contactId: 'c1', memoryIds: ['m1'] }]);
  });

  test('and is there twice is recovered once, and the copy is told once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 700 });
    await clock.run(clock.sleep(2000));
    server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: 'one' });
    const next = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(next.kinds).toEqual(['recovered']);
    expect(next.events.filter(({ type }) => type === 'surplus')).toEqual([{ type: 'surplus', contactId: 'c1', memoryIds: ['m2'] }]);
    expect(next.open).toEqual([]);
    const third = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(third.events.filter(({ type }) => type === 'surplus')).toEqual([]);
  });

  test('and is there twice has its copy told by the next run, where the run is killed before its closing look', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: ONE, ledgerPath, killAfterMs: 700 });
    await clock.run(clock.sleep(2000));
    server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: 'one' });
    await simulate({ clock, server, notes: [], ledgerPath, killAfterMs: 1500 });
    const next = await simulate({ clock, server, notes: [], ledgerPath });
    expect(next.events.filter(({ type }) => type === 'surplus')).toEqual([{ type: 'surplus', contactId: 'c1', memoryIds: ['m2'] }]);
  });
});

describe('the closing look', () => {
  test.each([0, -3_600_000])('finds what a request made after --reconcile-wait, the server’s clock being off by %i ms', async (skewMs) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      skewMs,
      sendsDate: 'first answer',
      onCreate: ({ text, nth }) =>
        text === 'text 1' && nth === 0 ? { kind: 'lost', createdAfterMs: 20_000, status: null, answerAfterMs: 20 } : { kind: 'created' },
      latencyMs: 50,
    });
    // The others keep the run busy for 40 s.
    const run = await simulate({ clock, server, notes: notesOf(400), options: { rate: 10 } });
    expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
    expect(server.memories).toHaveLength(401);
    const outcome = run.outcomes.get(1);
    const own = outcome !== undefined && 'memoryId' in outcome ? outcome.memoryId : null;
    const copies = server.memories.filter(({ text, id }) => text === 'text 1' && id !== own).map(({ id }) => id);
    expect(copies).toHaveLength(1);
    expect(run.events.filter(({ type }) => type === 'surplus')).toEqual([{ type: 'surplus', contactId: 'c1', memoryIds: copies }]);
    expect(run.open).toEqual([]);
    expect(run.events.filter(({ type }) => type === 'looked').at(-1)).toEqual({ type: 'looked', row: '1', found: true });
  });

  test('is taken for every note that the ledger has, page by page, contacts side by side', async () => {
    const clock = createVirtualClock();
    const owed = Array.from({ length: 2500 }, (_, i) => openNote(i + 1, `c${i % 7}`));
    const pages: number[] = [];
    const closed = new Set<number>();
    let underWay = new Map<string, number>();
    let most = 0;
    await takeClosingLooks({
      ledger: {
        closingNotes: async ({ after, limit }) => {
          pages.push(after ?? 0);
          return owed.filter(({ key }) => key > (after ?? 0)).slice(0, limit);
        },
      },
      looker: {
        ...NO_LOOKER,
        once: async ({ contactId }) => {
          underWay = new Map(underWay).set(contactId, (underWay.get(contactId) ?? 0) + 1);
          expect(underWay.get(contactId)).toBe(1);
          most = Math.max(
            most,
            [...underWay.values()].reduce((sum, count) => sum + count, 0),
          );
          await new Promise(setImmediate);
          underWay.set(contactId, 0);
          return { kind: 'absent' };
        },
      },
      writer: { ...NO_WRITER, settle: async ({ key, to }) => void (to === 'closed' && closed.add(key)) },
      emit: () => {},
      stopped: new AbortController().signal,
      startedAt: clock.now(),
    });
    expect(closed.size).toBe(2500);
    expect(pages).toEqual([0, 1000, 2000]);
    expect(most).toBe(7);
  });

  test('that a killed run still owed is done by the next', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text, nth }) =>
        text === 'text 1' && nth === 0 ? { kind: 'lost', createdAfterMs: 20_000, status: null, answerAfterMs: 20 } : { kind: 'created' },
      latencyMs: 50,
    });
    const ledgerPath = ledgerFile();
    const killed = await simulate({ clock, server, notes: notesOf(400), ledgerPath, options: { rate: 10 }, killAfterMs: 25_000 });
    expect(killed.killed).toBe(true);
    const next = await simulate({ clock, server, notes: [], ledgerPath });
    expect(next.events.filter(({ type }) => type === 'surplus')).toMatchObject([{ contactId: 'c1' }]);
    const third = await simulate({ clock, server, notes: [], ledgerPath });
    expect(third.events.filter(({ type }) => type === 'surplus')).toEqual([]);
  });

  test('isn’t owed by a row that was looked for and sent once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: null }) });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.kinds).toEqual(['recovered']);
    expect(server.lists()).toHaveLength(1);
    expect(run.open).toEqual([]);
  });
});
