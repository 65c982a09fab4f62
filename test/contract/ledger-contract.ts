import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LedgerError, LedgerHeldError, UserError } from '../../src/errors.js';
import type { CreatedNote, CreatedPosition, Ledger, NoteState, RunRecord, Witness } from '../../src/ledger/ledger.js';
import type { NoteKey } from '../../src/model.js';
import {
  batchOf,
  claimKey,
  claimOf,
  created,
  failed,
  fingerprint,
  inDoubt,
  known,
  type LedgerUnderTest,
  released,
  runId,
  settle,
  undone,
} from './ledger-store.js';

/** What every ledger does, whatever it stores its notes in. `ledger-model.ts` asks the same in random order. */
export function ledgerContract(name: string, create: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger in ${name}`, () => {
    let store: LedgerUnderTest;
    let now = 0;
    const open = (id: string, part: Partial<Parameters<LedgerUnderTest['open']>[0]> = {}) =>
      store.open({ runId: id, now: () => now, ...part });
    /** Closes the ledger and opens it for another run. */
    const nextRun = async (ledger: Ledger, id: string) => {
      await ledger.close();
      return open(id);
    };
    const crashInto = async (ledger: Ledger, id: string) => {
      await store.crash(ledger);
      return open(id);
    };

    beforeEach(async () => {
      store = await create();
      now = 10_000;
    });
    afterEach(() => store.destroy());

    describe('claims', () => {
      test('a note never met is unknown, then claimed, then known as claimed', async () => {
        const ledger = await open('run-1');
        expect(await known(ledger, 1)).toBeNull();
        const [answer] = await ledger.commit(batchOf({ claims: [claimOf(1, { row: '7' })] }));
        expect(answer).toMatchObject({ kind: 'claimed', doubtedSince: null });
        expect(await known(ledger, 1)).toMatchObject({
          state: 'claimed',
          row: '7',
          runId: 'run-1',
          attempts: 0,
          failure: null,
          memoryId: null,
        });
        expect(await known(ledger, 2)).toBeNull();
      });

      test('answers come in the order of the claims, new and known ones mixed', async () => {
        const ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf('b'));
        await settle(ledger, created(key, 'm-b'));
        const answers = await ledger.commit(batchOf({ claims: [claimOf('a'), claimOf('b'), claimOf('c')] }));
        expect(answers.map(({ kind }) => kind)).toEqual(['claimed', 'known', 'claimed']);
        const notes = await ledger.lookup(['a', 'b', 'nobody', 'c'].map(fingerprint));
        expect(notes.map((note) => note?.state ?? null)).toEqual(['claimed', 'created', null, 'claimed']);
      });

      test('the same note twice in one batch is claimed once', async () => {
        const ledger = await open('run-1');
        const [first, second] = await ledger.commit(batchOf({ claims: [claimOf(1, { row: '1' }), claimOf(1, { row: '2' })] }));
        expect(first?.kind).toBe('claimed');
        expect(second).toMatchObject({ kind: 'known', note: { state: 'claimed', row: '1' } });
      });

      test('the same note twice in one batch is claimed once also where an earlier run had failed with it', async () => {
        let ledger = await open('run-1');
        await settle(ledger, failed(await claimKey(ledger, claimOf(1))));
        ledger = await nextRun(ledger, 'run-2');
        const answers = await ledger.commit(batchOf({ claims: [claimOf(1, { row: '5' }), claimOf(1, { row: '6' })] }));
        expect(answers.map(({ kind }) => kind)).toEqual(['claimed', 'known']);
      });

      test('what was created is never claimed again, by whichever run', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1, { row: '3' }));
        await settle(ledger, created(key, 'm-1', { createdAt: '2026-01-02T03:04:05Z', attempts: 2 }));
        for (const run of ['run-1', 'run-2']) {
          const [answer] = await ledger.commit(batchOf({ claims: [claimOf(1, { takeDoubt: true })] }));
          expect(answer).toEqual({
            kind: 'known',
            note: {
              key,
              state: 'created',
              runId: 'run-1',
              row: '3',
              memoryId: 'm-1',
              createdAt: '2026-01-02T03:04:05Z',
              how: 'created',
              inputHash: null,
              attempts: 2,
              failure: null,
            },
          });
          if (run === 'run-1') ledger = await nextRun(ledger, 'run-2');
        }
      });

      test('a failure is tried again by the next run, and not by the same one', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        await settle(ledger, failed(key, { class: 'not_found', status: 404, message: 'no such contact', attempts: 1 }));
        const [same] = await ledger.commit(batchOf({ claims: [claimOf(1)] }));
        expect(same).toMatchObject({
          kind: 'known',
          note: { state: 'failed', failure: { class: 'not_found', status: 404, message: 'no such contact' } },
        });
        ledger = await nextRun(ledger, 'run-2');
        const [next] = await ledger.commit(batchOf({ claims: [claimOf(1, { row: '9' })] }));
        expect(next).toMatchObject({ kind: 'claimed', key, doubtedSince: null });
        expect(await known(ledger, 1)).toMatchObject({ state: 'claimed', runId: 'run-2', row: '9', failure: null, attempts: 1 });
      });

      test('what was released can be claimed again at once', async () => {
        const ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        await settle(ledger, released(key));
        expect(await known(ledger, 1)).toMatchObject({ state: 'released' });
        expect(await ledger.commit(batchOf({ claims: [claimOf(1)] }))).toMatchObject([{ kind: 'claimed', key, doubtedSince: null }]);
      });

      test('what is in doubt is sent again at the user\u2019s word only, and by a later run only', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1, { claimedAt: 1234 }));
        await settle(ledger, inDoubt(key, 2000));
        const ask = async (takeDoubt: boolean) =>
          (await ledger.commit(batchOf({ claims: [claimOf(1, { takeDoubt, claimedAt: 9999 })] })))[0];
        expect(await ask(true)).toMatchObject({ kind: 'known', note: { state: 'in_doubt', failure: { class: 'in_doubt' } } });
        ledger = await nextRun(ledger, 'run-2');
        expect(await ask(false)).toMatchObject({ kind: 'known', note: { state: 'in_doubt', runId: 'run-1' } });
        expect(await ask(true)).toMatchObject({ kind: 'claimed', key, doubtedSince: 1234 });
        expect(await known(ledger, 1)).toMatchObject({ state: 'sending', runId: 'run-2' });
        expect(await ask(true)).toMatchObject({ kind: 'known', note: { state: 'sending' } });
      });

      test('a claim carries its hashes, its contact and its row, whatever characters they have', async () => {
        let ledger = await open('run-1');
        const claim = claimOf(1, {
          contactId: "ко'нтакт \u{1f600}\u00e9",
          subOrg: 'søb',
          inputHash: 'ab'.repeat(32),
          row: 'dir/notes: 2.csv:17',
        });
        const key = await claimKey(ledger, claim);
        expect(await known(ledger, 1)).toMatchObject({ inputHash: claim.inputHash, row: claim.row });
        ledger = await crashInto(ledger, 'run-2');
        expect(await ledger.openNotes({ after: null, limit: 10 })).toMatchObject([
          { key, fingerprint: claim.fingerprint, contactId: claim.contactId, subOrg: 'søb', sentHash: claim.sentHash, row: claim.row },
        ]);
      });

      test('a note sent in another way is known by its newest hashes', async () => {
        let ledger = await open('run-1');
        await settle(ledger, failed(await claimKey(ledger, claimOf(1, { inputHash: '11'.repeat(32) }))));
        ledger = await nextRun(ledger, 'run-2');
        await claimKey(ledger, claimOf(1, { sentHash: 'cc'.repeat(32), inputHash: '22'.repeat(32) }));
        expect(await known(ledger, 1)).toMatchObject({ inputHash: '22'.repeat(32) });
        ledger = await crashInto(ledger, 'run-3');
        expect(await ledger.openNotes({ after: null, limit: 10 })).toMatchObject([{ sentHash: 'cc'.repeat(32) }]);
      });
    });

    describe('the time of the first claim', () => {
      test('is kept for a note whose answer was lost, over releases and failures, until it is created', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1, { claimedAt: 1111 }));
        await settle(ledger, inDoubt(key, 2000));
        ledger = await nextRun(ledger, 'run-2');
        await settle(ledger, released(key, true));
        const again = async (claimedAt: number) => (await ledger.commit(batchOf({ claims: [claimOf(1, { claimedAt })] })))[0];
        expect(await again(3000)).toMatchObject({ kind: 'claimed', key, doubtedSince: 1111 });
        await settle(ledger, failed(key));
        ledger = await nextRun(ledger, 'run-3');
        expect(await again(4000)).toMatchObject({ kind: 'claimed', key, doubtedSince: 1111 });
        // Certainly not sent this time; the doubt of the first request is as old as it was.
        await settle(ledger, released(key, false));
        expect(await again(5000)).toMatchObject({ kind: 'claimed', key, doubtedSince: 1111 });
        await settle(ledger, created(key, 'm-1'));
        expect(await again(6000)).toMatchObject({ kind: 'known' });
        await settle(ledger, undone(key));
        ledger = await nextRun(ledger, 'run-4');
        expect(await again(7000)).toMatchObject({ kind: 'claimed', key, doubtedSince: null });
      });

      test.each([
        ['a failure', (key: NoteKey) => failed(key, { doubted: true })],
        ['a release', (key: NoteKey) => released(key, true)],
      ])('is kept where %s says that a request lost its answer', async (_name, step) => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1, { claimedAt: 1111 }));
        await settle(ledger, step(key));
        ledger = await nextRun(ledger, 'run-2');
        const [answer] = await ledger.commit(batchOf({ claims: [claimOf(1, { claimedAt: 2222 })] }));
        expect(answer).toMatchObject({ kind: 'claimed', key, doubtedSince: 1111 });
      });

      test('comes with the difference of clocks of that claim, since the clock of the next run may be another', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1, { claimedAt: 1111, skewMs: -3600.4 }));
        ledger = await nextRun(ledger, 'run-2');
        expect((await ledger.openNotes({ after: null, limit: 10 })).map(({ skewMs }) => skewMs)).toEqual([-3600]);
        await settle(ledger, released(key, true));
        const [answer] = await ledger.commit(batchOf({ claims: [claimOf(1, { claimedAt: 9999, skewMs: 7 })] }));
        expect(answer).toMatchObject({ kind: 'claimed', doubtedSince: 1111, doubtedSkewMs: -3600 });
      });

      test('is the newest claim\u2019s where every earlier request had its answer', async () => {
        let ledger = await open('run-1');
        await settle(ledger, failed(await claimKey(ledger, claimOf(1, { claimedAt: 1111 }))));
        ledger = await nextRun(ledger, 'run-2');
        await claimKey(ledger, claimOf(1, { claimedAt: 2222 }));
        ledger = await crashInto(ledger, 'run-3');
        expect(await ledger.openNotes({ after: null, limit: 10 })).toMatchObject([{ claimedAt: 2222 }]);
        const [answer] = await ledger.commit(batchOf({ claims: [claimOf(1, { claimedAt: 3333, takeDoubt: true })] }));
        expect(answer).toMatchObject({ kind: 'claimed', doubtedSince: 2222 });
      });
    });

    describe('transitions', () => {
      test('each leads to its state, and keeps what it says', async () => {
        const ledger = await open('run-1');
        const keys: NoteKey[] = [];
        for (const n of [0, 1, 2, 3, 4, 5]) keys.push(await claimKey(ledger, claimOf(n)));
        const [a, b, c, d, e] = keys as [NoteKey, NoteKey, NoteKey, NoteKey, NoteKey, NoteKey];
        await settle(
          ledger,
          created(a, 'm-a', { createdAt: 'as the server said', attempts: 3 }),
          created(b, null, { how: 'recovered' }),
          created(c, 'm-c', { how: 'adopted', attempts: 0 }),
          failed(d, { class: 'network', status: null, message: 'ECONNREFUSED', attempts: 4 }),
          inDoubt(e, 5000),
        );
        const states = await ledger.lookup([0, 1, 2, 3, 4, 5].map(fingerprint));
        expect(states).toMatchObject([
          { state: 'created', memoryId: 'm-a', createdAt: 'as the server said', how: 'created', attempts: 3 },
          { state: 'created', memoryId: null, createdAt: null, how: 'recovered', attempts: 1 },
          { state: 'created', memoryId: 'm-c', how: 'adopted', attempts: 0 },
          { state: 'failed', attempts: 4, failure: { class: 'network', status: null, message: 'ECONNREFUSED' } },
          { state: 'in_doubt', attempts: 1, failure: { class: 'in_doubt', message: 'the answer was lost' } },
          { state: 'claimed' },
        ]);
      });

      test('attempts add up over the runs', async () => {
        let ledger = await open('run-1');
        await settle(ledger, failed(await claimKey(ledger, claimOf(1)), { attempts: 3 }));
        ledger = await nextRun(ledger, 'run-2');
        await settle(ledger, created(await claimKey(ledger, claimOf(1)), 'm', { attempts: 2 }));
        expect(await known(ledger, 1)).toMatchObject({ attempts: 5, runId: 'run-2' });
      });

      test('stand before the claims of the same commit', async () => {
        const ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        const answers = await ledger.commit(batchOf({ claims: [claimOf(1, { row: '2' })], transitions: [released(key)] }));
        expect(answers).toMatchObject([{ kind: 'claimed', key, doubtedSince: null }]);
      });

      test('several of one note happen in their order', async () => {
        const ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        await settle(ledger, inDoubt(key, 1), created(key, 'm-1', { closingLook: true }), { key, to: 'closed' });
        expect(await known(ledger, 1)).toMatchObject({ state: 'created', memoryId: 'm-1', failure: null });
        expect(await (await crashInto(ledger, 'run-2')).openNotes({ after: null, limit: 9 })).toEqual([]);
      });

      test('a step of a note that isn\u2019t there is an error, and the whole batch leaves no trace', async () => {
        const ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        const nobody = (key + 1000) as NoteKey;
        const batch = batchOf({
          claims: [claimOf(2)],
          transitions: [created(key, 'm-1'), created(nobody, 'm-x')],
          failures: [{ input: 0, row: 1, target: 0, class: 'invalid', status: null, message: 'x', attempts: 0 }],
        });
        await expect(ledger.commit(batch)).rejects.toThrow(LedgerError);
        expect(await known(ledger, 1)).toMatchObject({ state: 'claimed' });
        expect(await known(ledger, 2)).toBeNull();
        expect(await ledger.failuresOfRun(runId('run-1'), { after: null, limit: 10 })).toEqual([]);
        // And it goes on working: the same note is new.
        expect((await ledger.commit(batchOf({ claims: [claimOf(2)] })))[0]?.kind).toBe('claimed');
      });
    });

    describe('after a crash', () => {
      test('what was claimed or sending is in doubt, what was settled is settled', async () => {
        let ledger = await open('run-1');
        const doubtful = await claimKey(ledger, claimOf('doubtful'));
        await settle(ledger, inDoubt(doubtful, 500));
        ledger = await nextRun(ledger, 'run-2');
        await ledger.commit(batchOf({ claims: [claimOf('doubtful', { takeDoubt: true })] })); // sending
        await claimKey(ledger, claimOf('claimed'));
        await settle(ledger, created(await claimKey(ledger, claimOf('created')), 'm'));
        await settle(ledger, failed(await claimKey(ledger, claimOf('failed'))));
        await settle(ledger, released(await claimKey(ledger, claimOf('released'))));
        ledger = await crashInto(ledger, 'run-3');
        const names = ['doubtful', 'claimed', 'created', 'failed', 'released'];
        const states = (await ledger.lookup(names.map(fingerprint))).map((note) => note?.state);
        expect(states).toEqual(['in_doubt', 'in_doubt', 'created', 'failed', 'released'] satisfies NoteState[]);
      });

      test('the time since when an answer is missing stays over a crash loop', async () => {
        let ledger = await open('run-1');
        await claimKey(ledger, claimOf(1, { claimedAt: 9000 }));
        now = 20_000;
        ledger = await crashInto(ledger, 'run-2');
        for (const run of ['run-3', 'run-4', 'run-5']) {
          const [note] = await ledger.openNotes({ after: null, limit: 10 });
          expect(note).toMatchObject({ state: 'in_doubt', since: 20_000, claimedAt: 9000, runId: 'run-1' });
          now += 60_000;
          ledger = await crashInto(ledger, run);
        }
      });

      test('a note that was sent again at the user\u2019s risk is missing its answer anew', async () => {
        let ledger = await open('run-1');
        await settle(ledger, inDoubt(await claimKey(ledger, claimOf(1, { claimedAt: 100 })), 200));
        ledger = await nextRun(ledger, 'run-2');
        await ledger.commit(batchOf({ claims: [claimOf(1, { takeDoubt: true, claimedAt: 15_000 })] }));
        now = 30_000;
        ledger = await crashInto(ledger, 'run-3');
        expect(await ledger.openNotes({ after: null, limit: 10 })).toMatchObject([{ since: 30_000, claimedAt: 100 }]);
      });

      test('a time that lies in the future, the clock having been set back, counts as now', async () => {
        let ledger = await open('run-1');
        await settle(ledger, inDoubt(await claimKey(ledger, claimOf(1)), 4_000_000_000_000));
        ledger = await nextRun(ledger, 'run-2');
        expect(await ledger.openNotes({ after: null, limit: 10 })).toMatchObject([{ since: now }]);
      });
    });

    describe('open notes', () => {
      test('are those in doubt and those with a closing look due, of earlier runs, oldest first, in pages', async () => {
        let ledger = await open('run-1');
        const keys: NoteKey[] = [];
        for (let n = 0; n < 7; n++) keys.push(await claimKey(ledger, claimOf(n)));
        await settle(
          ledger,
          created(keys[1]!, 'm-1'),
          created(keys[2]!, 'm-2', { closingLook: true }),
          failed(keys[4]!),
          released(keys[5]!),
          inDoubt(keys[6]!, 700),
        );
        expect(await ledger.openNotes({ after: null, limit: 100 })).toEqual([]); // they are this run's own
        expect(await ledger.closingNotes({ after: null, limit: 100 })).toMatchObject([{ key: keys[2], state: 'closing', runId: 'run-1' }]);
        ledger = await crashInto(ledger, 'run-2');
        const first = await ledger.openNotes({ after: null, limit: 3 });
        expect(first.map(({ key, state }) => [key, state])).toEqual([
          [keys[0], 'in_doubt'],
          [keys[2], 'closing'],
          [keys[3], 'in_doubt'],
        ]);
        expect(first[1]).toMatchObject({ memoryId: 'm-2', runId: 'run-1' });
        expect(await ledger.closingNotes({ after: null, limit: 9 })).toEqual([]); // owed by an earlier run
        const rest = await ledger.openNotes({ after: keys[3]!, limit: 3 });
        expect(rest.map(({ key, since }) => [key, since])).toEqual([[keys[6], 700]]);
        expect(await ledger.openNotes({ after: keys[6]!, limit: 3 })).toEqual([]);

        await claimKey(ledger, claimOf('new'));
        await settle(ledger, { key: keys[2]!, to: 'closed' }, created(keys[0]!, 'm-0', { how: 'recovered' }));
        expect((await ledger.openNotes({ after: null, limit: 9 })).map(({ key }) => key)).toEqual([keys[3], keys[6]]);
      });

      test('those with a closing look due are of the run that created them, also where an earlier one left them in doubt; in pages', async () => {
        let ledger = await open('run-1');
        const old = await claimKey(ledger, claimOf('old'));
        await settle(ledger, inDoubt(old, 100));
        ledger = await crashInto(ledger, 'run-2');
        const keys: NoteKey[] = [];
        for (let n = 1; n <= 4; n++) keys.push(await claimKey(ledger, claimOf(n)));
        const closing = { closingLook: true } as const;
        await settle(ledger, created(old, 'm', { how: 'recovered', ...closing }), ...keys.map((key) => created(key, `m-${key}`, closing)));
        await settle(ledger, { key: keys[1]!, to: 'closed' });
        const first = await ledger.closingNotes({ after: null, limit: 2 });
        expect(first.map(({ key }) => key)).toEqual([old, keys[0]]);
        expect((await ledger.closingNotes({ after: keys[0]!, limit: 9 })).map(({ key }) => key)).toEqual([keys[2], keys[3]]);
      });

      test('a closing look stays due over crashes until it took place', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        await settle(ledger, created(key, 'm', { closingLook: true }));
        ledger = await crashInto(ledger, 'run-2');
        ledger = await crashInto(ledger, 'run-3');
        expect(await ledger.openNotes({ after: null, limit: 9 })).toMatchObject([{ key, state: 'closing' }]);
        await settle(ledger, { key, to: 'closed' });
        expect(await known(ledger, 1)).toMatchObject({ state: 'created', memoryId: 'm' });
        ledger = await crashInto(ledger, 'run-4');
        expect(await ledger.openNotes({ after: null, limit: 9 })).toEqual([]);
      });
    });

    describe('a contact', () => {
      const create = async (
        ledger: Ledger,
        n: number | string,
        contactId: string,
        subOrg: string | null,
        createdAt: string | null = null,
      ) => {
        const key = await claimKey(ledger, claimOf(n, { contactId, subOrg }));
        await settle(ledger, created(key, `m-${n}`, { createdAt }));
        return key;
      };

      test('is known by every memory of any sub organization; its newest is of the one that is asked for', async () => {
        const ledger = await open('run-1');
        await create(ledger, 1, 'ann', null);
        await create(ledger, 2, 'ann', 'east');
        await create(ledger, 3, 'ann', null);
        await create(ledger, 4, 'bob', null);
        await settle(ledger, failed(await claimKey(ledger, claimOf(5, { contactId: 'ann' }))));
        const memoryIds = new Set(['m-1', 'm-2', 'm-3']);
        expect(await ledger.contact('ann', null)).toMatchObject({ memoryIds, newest: 'm-3' });
        expect(await ledger.contact('ann', 'east')).toMatchObject({ memoryIds, newest: 'm-2' });
        expect(await ledger.contact('ann', 'west')).toMatchObject({ memoryIds, newest: null });
        expect(await ledger.contact('ANN', null)).toMatchObject({ memoryIds: new Set(), newest: null });
      });

      test('names the created notes whose memory is not known by its id, of the sub organization that is asked for', async () => {
        const ledger = await open('run-1');
        const nameless = async (n: number, subOrg: string | null) => {
          const key = await claimKey(ledger, claimOf(n, { contactId: 'ann', subOrg }));
          await settle(ledger, { key, to: 'created', memoryId: null, createdAt: null, how: 'created', attempts: 1, closingLook: false });
        };
        await nameless(1, null);
        await create(ledger, 2, 'ann', null);
        await nameless(3, 'east');
        expect((await ledger.contact('ann', null)).unidentified).toEqual([claimOf(1).sentHash]);
        expect((await ledger.contact('ann', 'east')).unidentified).toEqual([claimOf(3).sentHash]);
      });

      test('its newest is the one that the server made last, not the one that we learnt of last', async () => {
        let ledger = await open('run-1');
        const doubtful = await claimKey(ledger, claimOf('old', { contactId: 'ann' }));
        await create(ledger, 'new', 'ann', null, '2026-03-01T10:00:00.000Z');
        now += 5000;
        await settle(ledger, created(doubtful, 'm-old', { how: 'recovered', createdAt: '2026-03-01T11:59:59+02:00' }));
        expect(await ledger.contact('ann', null)).toMatchObject({ newest: 'm-new' });
        ledger = await nextRun(ledger, 'run-2');
        expect(await ledger.contact('ann', null)).toMatchObject({ newest: 'm-new' });
      });

      test('where the server doesn\u2019t say, its newest is the last that was settled, and then the last that was claimed', async () => {
        const ledger = await open('run-1');
        const first = await claimKey(ledger, claimOf(1, { contactId: 'ann' }));
        await create(ledger, 2, 'ann', null);
        await create(ledger, 3, 'ann', null);
        expect(await ledger.contact('ann', null)).toMatchObject({ newest: 'm-3' });
        now += 1;
        await settle(ledger, created(first, 'm-1'));
        expect(await ledger.contact('ann', null)).toMatchObject({ newest: 'm-1' });
      });

      test('an undone memory is known, and isn\u2019t the newest', async () => {
        let ledger = await open('run-1');
        await create(ledger, 1, 'ann', null);
        const second = await create(ledger, 2, 'ann', null);
        ledger = await nextRun(ledger, 'run-2');
        await settle(ledger, undone(second));
        expect(await ledger.contact('ann', null)).toMatchObject({ memoryIds: new Set(['m-1', 'm-2']), newest: 'm-1' });
        expect(await known(ledger, 2)).toMatchObject({ state: 'undone' });
        expect((await ledger.commit(batchOf({ claims: [claimOf(2, { contactId: 'ann' })] })))[0]).toMatchObject({ kind: 'claimed' });
        // A list that still shows it mustn't pass for the memory of the note that is sent again.
        expect(await ledger.contact('ann', null)).toMatchObject({ memoryIds: new Set(['m-1', 'm-2']), newest: 'm-1' });
        await settle(ledger, created(second, 'm-3'));
        expect(await ledger.contact('ann', null)).toMatchObject({ memoryIds: new Set(['m-1', 'm-3']) });
      });

      test('a created note whose id couldn\u2019t be read adds none', async () => {
        const ledger = await open('run-1');
        await settle(ledger, created(await claimKey(ledger, claimOf(1, { contactId: 'ann' })), null));
        expect(await ledger.contact('ann', null)).toMatchObject({ memoryIds: new Set(), newest: null });
        expect(await ledger.largestContact()).toEqual({ contactId: 'ann', subOrg: null, memories: 1 });
      });

      test.each([1000, 4])(
        'with %i notes in the tail, the largest is the one with most memories, not with most notes',
        async (tailLength) => {
          const ledger = await open('run-1', { tailLength });
          expect(await ledger.largestContact()).toBeNull();
          for (let n = 0; n < 7; n++) {
            for (let i = 0; i < 6; i++)
              await settle(ledger, failed(await claimKey(ledger, claimOf(`f${n}.${i}`, { contactId: `failing-${n}` }))));
          }
          expect(await ledger.largestContact()).toBeNull();
          for (let i = 0; i < 3; i++) await create(ledger, `a${i}`, 'ann', i === 0 ? null : 'east');
          expect(await ledger.largestContact()).toEqual({ contactId: 'ann', subOrg: 'east', memories: 2 });
          for (let i = 0; i < 5; i++) await create(ledger, `b${i}`, 'bob', null);
          expect(await ledger.largestContact()).toEqual({ contactId: 'bob', subOrg: null, memories: 5 });
          const reader = await store.openToRead();
          expect(await reader?.largestContact()).toEqual({ contactId: 'bob', subOrg: null, memories: 5 });
          await reader?.close();
        },
      );
    });

    describe('runs', () => {
      const record = (id: string, part: Partial<RunRecord> = {}): RunRecord => ({
        runId: runId(id),
        startedAt: '2026-11-23T03:07:49.000Z',
        finishedAt: null,
        status: 'running',
        inputs: [{ path: 'notes.csv', bytes: 12, sha256: null, lastRow: null }],
        out: '.memory-import/runs/x',
        options: { map: { text: 'Körper' }, limit: null },
        summary: null,
        ...part,
      });

      test('are there from the opening on, newest first, and hold what was saved last', async () => {
        let ledger = await open('20261123T030749Z-bbbb');
        expect(await ledger.run('20261123T030749Z-bbbb')).toMatchObject({
          runId: '20261123T030749Z-bbbb',
          status: 'running',
          finishedAt: null,
        });
        await ledger.saveRun(record('20261123T030749Z-bbbb'));
        const finished = record('20261123T030749Z-bbbb', {
          status: 'completed',
          finishedAt: '2026-11-23T03:08:00.000Z',
          summary: { counts: { rows: 3 } },
        });
        await ledger.saveRun(finished);
        // Of the same second, with an id that sorts before.
        ledger = await nextRun(ledger, '20261123T030749Z-aaaa');
        expect(await ledger.run('20261123T030749Z-bbbb')).toEqual(finished);
        // An old one that a rebuilt ledger learns of late.
        await ledger.saveRun(record('20261122T030749Z-cccc'));
        const ids = ['20261123T030749Z-aaaa', '20261123T030749Z-bbbb', '20261122T030749Z-cccc'];
        expect((await ledger.runs()).map((run) => run.runId)).toEqual(ids);
        expect(await ledger.run('nobody')).toBeNull();
      });

      test('what its page shows comes with one run, and not with the list of all', async () => {
        const ledger = await open('run-1');
        const withPage = record('run-1', { page: { format: 1, timeline: [1, 2] } });
        await ledger.saveRun(withPage);
        expect(await ledger.run('run-1')).toEqual(withPage);
        expect(await ledger.runs()).toEqual([record('run-1')]);
      });

      test('a saved run is there after a crash', async () => {
        const ledger = await open('run-1');
        await ledger.saveRun(record('run-1'));
        const next = await crashInto(ledger, 'run-2');
        expect(await next.run('run-1')).toEqual(record('run-1'));
      });

      test('a note belongs to the run that spoke last of it', async () => {
        let ledger = await open('run-1');
        const one = await claimKey(ledger, claimOf(1, { row: '11', subOrg: 'east' }));
        const two = await claimKey(ledger, claimOf(2));
        const three = await claimKey(ledger, claimOf(3));
        await settle(ledger, created(one, 'm-1', { createdAt: 'then', attempts: 2 }), failed(two), inDoubt(three, 5));
        ledger = await nextRun(ledger, 'run-2');
        await settle(ledger, created(await claimKey(ledger, claimOf(2)), 'm-2'), created(three, 'm-3', { how: 'recovered', attempts: 0 }));
        const page = { after: null, limit: 10 };
        expect(await ledger.notesOfRun(runId('run-1'), page)).toEqual([
          {
            key: one,
            fingerprint: fingerprint(1),
            contactId: 'contact-1',
            subOrg: 'east',
            row: '11',
            state: 'created',
            memoryId: 'm-1',
            createdAt: 'then',
            how: 'created',
            attempts: 2,
          },
        ]);
        const second = await ledger.notesOfRun(runId('run-2'), page);
        expect(second.map(({ key, memoryId, how }) => [key, memoryId, how])).toEqual([
          [two, 'm-2', 'created'],
          [three, 'm-3', 'recovered'],
        ]);
        expect((await ledger.notesOfRun(runId('run-2'), { after: two, limit: 10 })).map(({ key }) => key)).toEqual([three]);
        expect((await ledger.notesOfRun(runId('run-2'), { after: null, limit: 1 })).map(({ key }) => key)).toEqual([two]);
        expect(await ledger.notesOfRun(runId('nobody'), page)).toEqual([]);
      });

      test('failures are given in the order in which they were recorded, in pages, each run\u2019s its own', async () => {
        let ledger = await open('run-1');
        const failure = (row: number) => ({
          input: row % 2,
          row,
          target: row % 3,
          class: 'invalid' as const,
          status: null,
          message: `row ${row}`,
          attempts: 0,
        });
        await ledger.commit(batchOf({ failures: [failure(9), failure(3)] }));
        await ledger.commit(batchOf({ failures: [{ ...failure(5), class: 'bad_request', status: 400, attempts: 1 }] }));
        ledger = await nextRun(ledger, 'run-2');
        await ledger.commit(batchOf({ failures: [failure(1)] }));
        const rows = async (id: string, after: number | null, limit: number) =>
          (await ledger.failuresOfRun(runId(id), { after, limit })).map(({ row }) => row);
        expect(await rows('run-1', null, 10)).toEqual([9, 3, 5]);
        expect(await rows('run-1', null, 1)).toEqual([9]);
        const [first, second, third] = await ledger.failuresOfRun(runId('run-1'), { after: null, limit: 10 });
        expect(await rows('run-1', first!.number, 1)).toEqual([3]);
        expect(await rows('run-1', third!.number, 1)).toEqual([]);
        expect(await rows('run-2', null, 10)).toEqual([1]);
        expect(await ledger.failuresOfRun(runId('run-1'), { after: second!.number, limit: 1 })).toEqual([
          { number: third!.number, input: 1, row: 5, target: 2, class: 'bad_request', status: 400, message: 'row 5', attempts: 1 },
        ]);
      });
    });

    describe('contacts by phone number', () => {
      test('are known by their id once it was learnt, and share the ids of their memories with it', async () => {
        let ledger = await open('run-1');
        const [address, other] = ['campaign:x/+4930123456', 'campaign:y/4930123456'];
        expect(await ledger.contactOf(address)).toBeNull();
        const keys: NoteKey[] = [];
        for (const [n, contactId] of [address, other, 'C-1', 'C-2'].entries()) keys.push(await claimKey(ledger, claimOf(n, { contactId })));
        await settle(ledger, ...keys.map((key, n) => created(key, `m-${n}`)));
        await ledger.commit(batchOf({ contacts: [{ address, contactId: 'C-9' }] }));
        await ledger.commit(
          batchOf({
            contacts: [
              { address, contactId: 'C-1' },
              { address: other, contactId: 'C-1' },
            ],
          }),
        );
        ledger = await nextRun(ledger, 'run-2');
        expect(await ledger.contactOf(address)).toBe('C-1');
        expect(await ledger.contactOf('C-1')).toBeNull();
        expect([...(await ledger.contact('C-1', null)).memoryIds].sort()).toEqual(['m-0', 'm-1', 'm-2']);
        expect([...(await ledger.contact(address, null)).memoryIds].sort()).toEqual(['m-0', 'm-2']);
        expect((await ledger.contact(address, null)).newest).toBe('m-0');
        expect([...(await ledger.contact('C-2', null)).memoryIds]).toEqual(['m-3']);
      });
    });

    describe('windows of an undo', () => {
      test('those that were begun and not ended are known to the next run; ended one by one, or all of a run', async () => {
        let ledger = await open('run-1');
        const [one, two, three] = [1, 2, 3].map((n) => n as NoteKey) as [NoteKey, NoteKey, NoteKey];
        const windows = [
          { runId: runId('run-1'), from: one, to: two },
          { runId: runId('run-1'), from: three, to: three },
          { runId: runId('run-2'), from: one, to: three },
        ] as const;
        expect(await ledger.openUndos()).toEqual([]);
        for (const window of [...windows, windows[0]]) await ledger.beginUndo(window);
        ledger = await nextRun(ledger, 'run-2');
        expect(await ledger.openUndos()).toEqual(windows);
        await ledger.endUndo(runId('run-1'), windows[1]);
        expect(await ledger.openUndos()).toEqual([windows[0], windows[2]]);
        await ledger.endUndo(runId('run-1'), null);
        expect(await ledger.openUndos()).toEqual([windows[2]]);
      });
    });

    describe('what a run created', () => {
      const make = async (ledger: Ledger, n: number, part: { contactId: string; subOrg?: string | null; memoryId?: string | null }) => {
        const { contactId, subOrg = null, memoryId = `m-${n}` } = part;
        const key = await claimKey(ledger, claimOf(n, { contactId, subOrg, row: `${n}`, claimedAt: 1000 + n, skewMs: n }));
        await settle(ledger, created(key, memoryId, { createdAt: `at ${n}`, how: n % 2 === 0 ? 'created' : 'recovered' }));
        return key;
      };
      const all = async (ledger: Ledger, id: string, order: 'contact' | 'newest', limit: number) => {
        const notes: CreatedNote[] = [];
        for (let after: CreatedPosition | null = null; ; after = notes.at(-1) ?? null) {
          const page = await ledger.createdNotes(runId(id), { order, after, limit });
          expect(page.length).toBeLessThanOrEqual(limit);
          if (page.length === 0) return notes;
          notes.push(...page);
        }
      };

      test('is listed by contact and sub organization, each together, or newest first; in pages of any size', async () => {
        let ledger = await open('run-1');
        const places = [
          { contactId: 'bob' },
          { contactId: 'ann', subOrg: 'east' },
          { contactId: 'ann' },
          { contactId: "a'n\u00e9 \u{1f600}" },
          { contactId: 'ann' },
          { contactId: 'bob', subOrg: 'east' },
          { contactId: 'ann', subOrg: 'east' },
          { contactId: 'bob', memoryId: null },
        ];
        const keys: NoteKey[] = [];
        for (const [n, place] of places.entries()) keys.push(await make(ledger, n, place));
        const check = async (reader: Ledger) => {
          for (const limit of [1, 2, 3, 100]) {
            expect((await all(reader, 'run-1', 'newest', limit)).map(({ key }) => key)).toEqual([...keys].reverse());
            const byContact = await all(reader, 'run-1', 'contact', limit);
            expect(byContact.map(({ key }) => key).sort((a, b) => a - b)).toEqual(keys);
            const groups = byContact.map(({ contactId, subOrg }) => JSON.stringify([contactId, subOrg]));
            expect(groups.filter((group, i) => group !== groups[i - 1]).length).toBe(new Set(groups).size);
            byContact.forEach((note, i) => {
              if (groups[i] === groups[i - 1]) expect(note.key).toBeGreaterThan(byContact[i - 1]!.key);
            });
          }
        };
        await check(ledger);
        const reader = await store.openToRead();
        await check(reader!);
        expect((await all(reader!, 'run-1', 'contact', 100)).find(({ key }) => key === keys[7])).toEqual({
          key: keys[7],
          contactId: 'bob',
          subOrg: null,
          row: '7',
          sentHash: claimOf(7).sentHash,
          memoryId: null,
          createdAt: 'at 7',
          how: 'recovered',
          claimedAt: 1007,
          skewMs: 7,
        });
        await reader!.close();
        ledger = await nextRun(ledger, 'run-2');
        await check(ledger);
      });

      test('leaves out what it adopted, what failed, is open or undone, and what other runs created', async () => {
        let ledger = await open('run-1');
        const mine = await make(ledger, 1, { contactId: 'ann' });
        const second = await make(ledger, 2, { contactId: 'ann' });
        await make(ledger, 3, { contactId: 'bob' });
        const claims = [4, 5, 6, 7].map((n) => claimOf(n, { contactId: 'cid' }));
        const [adopted, failing, doubtful, letGo] = await Promise.all(claims.map((claim) => claimKey(ledger, claim)));
        await claimKey(ledger, claimOf(8));
        await settle(ledger, created(adopted!, 'm-4', { how: 'adopted' }), failed(failing!), inDoubt(doubtful!, 5), released(letGo!));
        expect(await ledger.createdTally(runId('run-1'))).toEqual({ notes: 3, contacts: 2, undone: 0, inDoubt: 2 });
        ledger = await crashInto(ledger, 'run-2');
        await settle(ledger, undone(second));
        const found = await make(ledger, 9, { contactId: 'dora' });
        await settle(ledger, created(doubtful!, 'm-6', { how: 'recovered' }));
        const keysOf = async (id: string) => (await all(ledger, id, 'contact', 2)).map(({ key }) => key);
        expect(await keysOf('run-1')).toEqual([mine, expect.any(Number)]);
        expect(await keysOf('run-1')).not.toContain(second);
        expect(await keysOf('run-2')).toEqual([doubtful, found]);
        expect(await ledger.createdTally(runId('run-1'))).toEqual({ notes: 2, contacts: 2, undone: 1, inDoubt: 1 });
        expect(await ledger.createdTally(runId('run-2'))).toEqual({ notes: 2, contacts: 2, undone: 0, inDoubt: 0 });
        expect(await ledger.createdTally(runId('nobody'))).toEqual({ notes: 0, contacts: 0, undone: 0, inDoubt: 0 });
        expect(await all(ledger, 'nobody', 'newest', 5)).toEqual([]);
      });

      test('can be undone while it is paged through: what comes later is neither skipped nor shown again', async () => {
        let ledger = await open('run-1');
        const keys: NoteKey[] = [];
        for (let n = 0; n < 10; n++) keys.push(await make(ledger, n, { contactId: `c-${n % 3}` }));
        ledger = await nextRun(ledger, 'run-2');
        const seen: NoteKey[] = [];
        for (let after: CreatedPosition | null = null; ; ) {
          const page: readonly CreatedNote[] = await ledger.createdNotes(runId('run-1'), { order: 'newest', after, limit: 3 });
          if (page.length === 0) break;
          after = page.at(-1)!;
          seen.push(...page.map(({ key }) => key));
          await settle(ledger, ...page.filter(({ key }) => key % 4 !== 0).map(({ key }) => undone(key)));
        }
        expect(seen).toEqual([...keys].reverse());
        expect((await all(ledger, 'run-1', 'newest', 100)).map(({ key }) => key)).toEqual(keys.filter((key) => key % 4 === 0).reverse());
      });

      test('stays the run\u2019s when it is undone, over a crash too, until another run creates it again', async () => {
        let ledger = await open('run-1');
        const key = await make(ledger, 1, { contactId: 'ann' });
        ledger = await nextRun(ledger, 'run-2');
        await settle(ledger, undone(key));
        ledger = await crashInto(ledger, 'run-3');
        expect(await known(ledger, 1)).toMatchObject({ state: 'undone', runId: 'run-1', memoryId: 'm-1' });
        expect(await ledger.createdTally(runId('run-1'))).toMatchObject({ notes: 0, undone: 1 });
        await settle(ledger, created(await claimKey(ledger, claimOf(1, { contactId: 'ann' })), 'm-2'));
        expect(await ledger.createdTally(runId('run-1'))).toMatchObject({ notes: 0, undone: 0 });
        expect(await ledger.createdTally(runId('run-3'))).toMatchObject({ notes: 1, undone: 0 });
      });

      test('owes no closing look once it is undone; and what isn\u2019t created can\u2019t be undone', async () => {
        let ledger = await open('run-1');
        const key = await claimKey(ledger, claimOf(1));
        await expect(settle(ledger, undone(key))).rejects.toThrow(LedgerError);
        expect(await known(ledger, 1)).toMatchObject({ state: 'claimed' });
        await settle(ledger, created(key, 'm', { closingLook: true }));
        ledger = await crashInto(ledger, 'run-2');
        await settle(ledger, undone(key));
        await expect(settle(ledger, undone(key))).rejects.toThrow(LedgerError);
        ledger = await crashInto(ledger, 'run-3');
        expect(await ledger.openNotes({ after: null, limit: 9 })).toEqual([]);
      });
    });

    describe('witnesses of a ledger that was lost', () => {
      const witness = (n: number | string, part: Partial<Witness> = {}): Witness => ({
        fingerprint: fingerprint(n),
        contactId: 'contact-1',
        subOrg: null,
        row: String(n),
        memoryId: `m-${n}`,
        createdAt: '2026-01-02T03:04:05.000Z',
        attempts: 1,
        made: null,
        ...part,
      });
      const runOf = (id: string) => ({
        runId: runId(id),
        startedAt: '2026-01-02T03:04:00.000Z',
        finishedAt: null,
        status: 'completed' as const,
        inputs: [],
        out: 'there',
        options: {},
        summary: null,
      });

      test('make notes known that are never claimed again, also after a crash, and twice is once', async () => {
        let ledger = await open('rebuild-1');
        expect(await ledger.remember([witness(1), witness(2, { subOrg: 'east', memoryId: null }), witness(1)])).toEqual([
          'added',
          'added',
          'known',
        ]);
        ledger = await crashInto(ledger, 'rebuild-2');
        expect(await ledger.remember([witness(1), witness(2, { subOrg: 'east', memoryId: null })])).toEqual(['known', 'known']);
        const answers = await ledger.commit(batchOf({ claims: [claimOf(1), claimOf(2), claimOf(3)] }));
        expect(answers.map(({ kind }) => kind)).toEqual(['known', 'known', 'claimed']);
        expect(await known(ledger, 1)).toMatchObject({ state: 'created', how: 'adopted', memoryId: 'm-1', row: '1', inputHash: null });
        expect((await ledger.contact('contact-1', null)).newest).toBe('m-1');
        // Of the memory whose id isn't known it isn't known either what was sent.
        expect((await ledger.contact('contact-1', 'east')).unidentified).toEqual(['']);
        expect(await ledger.openNotes({ after: null, limit: 10 })).toEqual([]);
      });

      test('say which run made a note, where that run is known, whichever witness comes first', async () => {
        let ledger = await open('rebuild');
        const made = { runId: runId('run-7'), how: 'recovered' as const };
        await expect(ledger.remember([witness(1, { made })])).rejects.toThrow(LedgerError);
        expect(await known(ledger, 1)).toBeNull();
        await ledger.saveRun(runOf('run-7'));
        for (const part of [{ made: null }, { made, row: '9' }, { made: null, row: '4' }]) await ledger.remember([witness(1, part)]);
        expect(await known(ledger, 1)).toMatchObject({ runId: 'run-7', how: 'recovered', row: '9' });
        ledger = await nextRun(ledger, 'next');
        expect(await ledger.notesOfRun(runId('run-7'), { after: null, limit: 10 })).toMatchObject([{ memoryId: 'm-1', row: '9' }]);
      });

      test('settle what had failed, was released or is in doubt', async () => {
        let ledger = await open('run-1');
        await settle(ledger, failed(await claimKey(ledger, claimOf(1))));
        await settle(ledger, inDoubt(await claimKey(ledger, claimOf(2)), 2000));
        await settle(ledger, released(await claimKey(ledger, claimOf(3))));
        await claimKey(ledger, claimOf(4));
        ledger = await crashInto(ledger, 'rebuild');
        expect(await ledger.remember([1, 2, 3, 4].map((n) => witness(n)))).toEqual(['settled', 'settled', 'settled', 'settled']);
        for (const n of [1, 2, 3, 4]) expect(await known(ledger, n)).toMatchObject({ state: 'created', memoryId: `m-${n}`, failure: null });
        expect(await ledger.openNotes({ after: null, limit: 10 })).toEqual([]);
      });

      test('know less than the ledger: its own memory stays, and what was undone stays undone', async () => {
        let ledger = await open('run-1');
        const [first, second] = [await claimKey(ledger, claimOf(1)), await claimKey(ledger, claimOf(2))];
        const createdAt = '2026-01-02T03:04:05.000Z';
        await settle(ledger, created(first, 'm-1', { createdAt }), created(second, 'm-2', { createdAt }));
        ledger = await nextRun(ledger, 'undo');
        await settle(ledger, undone(second));
        ledger = await nextRun(ledger, 'rebuild');
        const later = '2026-01-03T00:00:00.000Z';
        expect(await ledger.remember([witness(1, { memoryId: 'other', createdAt: later }), witness(2)])).toEqual(['differs', 'undone']);
        expect(await known(ledger, 1)).toMatchObject({ state: 'created', memoryId: 'm-1', runId: 'run-1', how: 'created' });
        expect(await known(ledger, 2)).toMatchObject({ state: 'undone' });
        // Made again later: that is there.
        expect(await ledger.remember([witness(2, { memoryId: 'again', createdAt: later })])).toEqual(['settled']);
        expect(await known(ledger, 2)).toMatchObject({ state: 'created', memoryId: 'again' });
      });

      test('of two that name different memories the later one counts, in whichever order they come', async () => {
        const ledger = await open('rebuild');
        const [early, late] = [witness(1, { memoryId: 'early' }), witness(1, { memoryId: 'late', createdAt: '2026-02-01T00:00:00.000Z' })];
        expect(await ledger.remember([early, late])).toEqual(['added', 'differs']);
        const other = { fingerprint: fingerprint(2), contactId: 'contact-2' };
        expect(
          await ledger.remember([
            { ...late, ...other },
            { ...early, ...other },
          ]),
        ).toEqual(['added', 'differs']);
        for (const n of [1, 2]) expect(await known(ledger, n)).toMatchObject({ memoryId: 'late' });
      });
    });

    describe('an empty ledger', () => {
      test.each<[string, boolean, (ledger: Ledger) => Promise<unknown>]>([
        ['nothing', true, async () => {}],
        ['a run', true, async (ledger) => ledger.saveRun((await ledger.runs())[0]!)],
        ['a note that was released', true, async (ledger) => settle(ledger, released(await claimKey(ledger, claimOf(1))))],
        ['a note that was created', false, async (ledger) => settle(ledger, created(await claimKey(ledger, claimOf(1)), 'm'))],
        ['a note that failed', false, async (ledger) => settle(ledger, failed(await claimKey(ledger, claimOf(1))))],
        ['a note that nobody settled', false, async (ledger) => claimKey(ledger, claimOf(1))],
      ])('which saw %s: wasEmpty is %s', async (_name, expected, act) => {
        let ledger = await open('run-1');
        expect(ledger.wasEmpty).toBe(true);
        await act(ledger);
        expect(ledger.wasEmpty).toBe(true); // as it was when it was opened
        ledger = await crashInto(ledger, 'run-2');
        expect(ledger.wasEmpty).toBe(expected);
      });
    });

    describe('the target', () => {
      const target = { baseUrl: 'https://api.example.test/v1', apiKey: 'key-one' };
      const elsewhere = { ...target, baseUrl: 'https://staging.example.test/v1' };
      const otherKey = { ...target, apiKey: 'key-two' };
      const filled = async () => {
        const ledger = await open('run-1', { target });
        await settle(ledger, created(await claimKey(ledger, claimOf(1)), 'm-1'));
        await ledger.close();
      };

      test('the same one opens it again', async () => {
        await filled();
        await (await open('run-2', { target })).close();
      });

      test.each([
        ['address', elsewhere, /staging\.example\.test/],
        ['key', otherKey, /another API key/],
      ])('another %s is refused, and nothing is changed', async (_name, other, message) => {
        await filled();
        await expect(open('run-2', { target: other })).rejects.toThrow(UserError);
        await expect(open('run-3', { target: other })).rejects.toThrow(message);
        const ledger = await open('run-4', { target });
        expect((await ledger.runs()).map((run) => run.runId)).toEqual(['run-4', 'run-1']);
      });

      test('a refused target leaves doubt as it is', async () => {
        const dying = await open('run-1', { target });
        await claimKey(dying, claimOf(1));
        await store.crash(dying);
        now = 50_000;
        await expect(open('run-2', { target: elsewhere })).rejects.toThrow(UserError);
        now = 60_000;
        expect(await (await open('run-3', { target })).openNotes({ after: null, limit: 2 })).toMatchObject([{ since: 60_000 }]);
      });

      test('--same-account takes the ledger over, and the old target is the stranger from then on', async () => {
        await filled();
        await (await open('run-2', { target: otherKey, sameAccount: true })).close();
        await (await open('run-3', { target: otherKey })).close();
        await expect(open('run-4', { target })).rejects.toThrow(UserError);
      });

      test('an empty ledger takes whichever comes', async () => {
        await (await open('run-1', { target })).close();
        const ledger = await open('run-2', { target: elsewhere });
        await settle(ledger, created(await claimKey(ledger, claimOf(1)), 'm-1'));
        await ledger.close();
        await expect(open('run-3', { target })).rejects.toThrow(UserError);
      });
    });

    describe('two at a time', () => {
      test('a second run is refused as long as the first is open', async () => {
        const first = await open('run-1');
        if (store.writers === 'many') return; // told below
        expect(first.shared).toBeNull();
        await expect(open('run-2')).rejects.toThrow(LedgerHeldError);
        await expect(open('run-3')).rejects.toThrow(LedgerHeldError);
        await claimKey(first, claimOf(1));
        await first.close();
        expect(await known(await open('run-4'), 1)).toMatchObject({ state: 'in_doubt' });
      });

      test('a reader sees what was durable when it came, while a run goes on writing', async () => {
        expect(await store.openToRead()).toBeNull();
        const writer = await open('run-1', { tailLength: 8 });
        for (let n = 0; n < 20; n++) {
          const key = await claimKey(writer, claimOf(n, { contactId: `c-${n % 3}` }));
          await settle(writer, created(key, `m-${n}`));
          const reader = await store.openToRead();
          const notes = await reader!.lookup(Array.from({ length: n + 2 }, (_, i) => fingerprint(i)));
          expect(notes.map((note) => note?.memoryId ?? null)).toEqual([...Array.from({ length: n + 1 }, (_, i) => `m-${i}`), null]);
          await claimKey(writer, claimOf(`later ${n}`));
          expect((await reader!.contact(`c-${n % 3}`, null)).newest).toBe(`m-${n}`);
          expect((await reader!.lookup([fingerprint(n)]))[0]?.state).toBe('created');
          await reader!.close();
        }
        // A reader changes nothing: the run's own notes aren't in doubt for it.
        expect(await known(writer, 'later 0')).toMatchObject({ state: 'claimed' });
      });

      test('a reader that stays open goes on answering while the run indexes and ends', async () => {
        const writer = await open('run-1', { tailLength: 4 });
        const keys: NoteKey[] = [];
        for (let n = 0; n < 6; n++) keys.push(await claimKey(writer, claimOf(n)));
        const reader = await store.openToRead();
        for (let n = 6; n < 30; n++) await claimKey(writer, claimOf(n));
        await settle(writer, ...keys.map((key) => created(key, `m-${key}`)));
        await writer.close();
        const notes = await reader!.lookup([0, 1, 2, 3, 4, 5].map(fingerprint));
        expect(notes.map((note) => note?.memoryId)).toEqual(keys.map((key) => `m-${key}`));
        expect((await reader!.contact('contact-1', null)).memoryIds).toEqual(new Set(keys.map((key) => `m-${key}`)));
        await reader!.close();
      });

      test('a reader can\u2019t write', async () => {
        const writer = await open('run-1');
        const key = await claimKey(writer, claimOf(1));
        await writer.close();
        const reader = await store.openToRead();
        await expect(reader!.commit(batchOf({ claims: [claimOf(2)] }))).rejects.toThrow(LedgerError);
        await expect(reader!.commit(batchOf({ transitions: [created(key, 'm')] }))).rejects.toThrow(LedgerError);
        await reader!.close();
      });
    });

    test('the key is in no byte that is kept, in whichever spelling', async () => {
      const target = { baseUrl: 'https://api.example.test', apiKey: 'sk-very-secret-0123456789' };
      const ledger = await open('run-1', { target });
      await settle(ledger, created(await claimKey(ledger, claimOf(1)), 'the-memory-id'));
      const spellings = [target.apiKey, ...(['base64', 'hex'] as const).map((name) => Buffer.from(target.apiKey).toString(name))];
      const check = async () => {
        const bytes = await store.bytes();
        expect(bytes.includes('the-memory-id')).toBe(true); // this looks at the right bytes
        for (const spelling of spellings) expect(bytes.includes(spelling)).toBe(false);
      };
      await check();
      await ledger.close();
      await check();
    });

    test('after it was closed, it says so', async () => {
      const ledger = await open('run-1');
      await ledger.close();
      await ledger.close();
      await expect(ledger.lookup([fingerprint(1)])).rejects.toThrow(LedgerError);
      await expect(ledger.commit(batchOf({ claims: [claimOf(1)] }))).rejects.toThrow(LedgerError);
    });
  });
}
