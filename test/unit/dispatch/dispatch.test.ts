import { describe, expect, test } from 'vitest';
import { LedgerError } from '../../../src/errors.js';
import { createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { interruption, ledgerFile, type Note, notesOf, simulate } from './harness.js';

describe('order', () => {
  test('notes of one contact are created one at a time, in file order; contacts side by side', async () => {
    const clock = createVirtualClock();
    let underWay = 0;
    let most = 0;
    const server = createScriptedServer(clock, {
      latencyMs: () => 1 + Math.floor(clock.random() * 100),
      onCreate: () => {
        underWay = server.creates().filter(({ answeredAt }) => answeredAt === null).length;
        most = Math.max(most, underWay);
        return { kind: 'created' };
      },
    });
    const notes = Array.from({ length: 300 }, (_, i) => ({ contactId: `c${i % 20}`, text: `t${i}` }));
    const run = await simulate({ clock, server, notes, options: { concurrency: 8 } });
    expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
    for (let contact = 0; contact < 20; contact++) {
      const calls = server.creates(`c${contact}`);
      expect(calls.map(({ text }) => text)).toEqual(Array.from({ length: 15 }, (_, i) => `t${contact + 20 * i}`));
      for (let i = 1; i < calls.length; i++) expect(calls[i]!.at).toBeGreaterThanOrEqual(calls[i - 1]!.answeredAt!);
    }
    expect(most).toBe(8);
  });

  test('with --order none notes of one contact go side by side', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 100 });
    await simulate({ clock, server, notes: notesOf(1, 160), options: { order: 'none', concurrency: 16 } });
    expect(clock.elapsed()).toBeLessThan(1100);
    expect(server.memories).toHaveLength(160);
  });

  test('with --order none a note id that comes twice with different texts is created once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    const notes = ['first', 'second'].map((text) => ({ contactId: 'c1', text, id: 'n1' }));
    const run = await simulate({ clock, server, notes, options: { order: 'none' } });
    expect(run.kinds).toEqual(['created', 'duplicate']);
    expect(server.memories).toHaveLength(1);
  });

  test('rows that are held wait for the ledger once, not each of them', async () => {
    const flushes = async (rows: number) => {
      const clock = createVirtualClock();
      const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: null, status: 500 }) });
      const run = await simulate({ clock, server, notes: [...notesOf(1, rows), { contactId: 'c2', text: 'x' }], options: { retries: 1 } });
      expect(run.kinds.slice(1, rows)).toEqual(Array(rows - 1).fill('held'));
      return run.flushes;
    };
    expect(await flushes(50)).toBe(await flushes(2));
  });

  test.each([
    ['in_doubt', { kind: 'lost', createdAfterMs: null, status: 500 }, true],
    ['server_error', { kind: 'lost', createdAfterMs: null, status: 500 }, false],
  ] as const)(
    'after %s the lane is closed: its later rows are held, unsent, and the next run has them in order',
    async (failureClass, fault, listsFail) => {
      const clock = createVirtualClock();
      let broken = true;
      const server = createScriptedServer(clock, {
        onCreate: ({ text }) => (broken && text === 'text 2' ? fault : { kind: 'created' }),
        onList: () => (broken && listsFail ? { kind: 'unlisted', outage: false, status: 404 } : { kind: 'listed' }),
      });
      const ledgerPath = ledgerFile();
      const notes = [...notesOf(1, 4), { contactId: 'c2', text: 'other' }];
      const run = await simulate({ clock, server, notes, ledgerPath, options: { retries: 1 } });
      expect(run.kinds).toEqual(['created', failureClass, 'held', 'held', 'created']);
      broken = false;
      const next = await simulate({ clock, server, notes, ledgerPath });
      expect(next.kinds).toEqual(['already_imported', 'created', 'created', 'created', 'already_imported']);
      expect(server.memories.filter(({ contactId }) => contactId === 'c1').map(({ text }) => text)).toEqual([
        'text 1',
        'text 2',
        'text 3',
        'text 4',
      ]);
    },
  );

  test('in a closed lane a duplicate of what was created is still a duplicate', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text }) => (text === 'text 2' ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
    });
    const [first, second, third] = notesOf(1, 3);
    const notes = [first!, second!, first!, third!, first!, { contactId: 'c2', text: 'other' }];
    const run = await simulate({ clock, server, notes, options: { retries: 1 } });
    expect(run.kinds).toEqual(['created', 'server_error', 'duplicate', 'held', 'duplicate', 'created']);
    expect(run.outcomes.get(3)).toMatchObject({ firstRow: '1', memoryId: 'm1' });
  });

  test.each([400, 403, 422])('after a %i the lane goes on', async (status) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text }) => (text === 'text 2' ? { kind: 'refused', status } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: notesOf(1, 3) });
    expect([run.kinds[0], run.kinds[2]]).toEqual(['created', 'created']);
    expect(server.creates()).toHaveLength(3);
  });
});

describe('a 404', () => {
  test('is remembered for the contact and sub organization: its other rows aren’t asked, and name the row that was', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text }) => (text.startsWith('missing') ? { kind: 'refused', status: 404 } : { kind: 'created' }),
    });
    const notes: Note[] = [
      { contactId: 'c1', text: 'missing 1' },
      { contactId: 'c1', text: 'missing 2' },
      { contactId: 'c1', subOrg: 's', text: 'there' },
      { contactId: 'c2', text: 'there' },
      { contactId: 'c1', text: 'missing 1' },
    ];
    const run = await simulate({ clock, server, notes });
    expect(run.kinds).toEqual(['not_found', 'not_found', 'created', 'created', 'not_found']);
    expect(server.creates()).toHaveLength(3);
    expect(run.outcomes.get(2)).toMatchObject({ status: 404, attempts: 0, message: 'no such contact (asked for row 1)' });
  });
});

describe('duplicates', () => {
  const twice: Note[] = [
    { contactId: 'c1', text: 'same' },
    { contactId: 'c1', text: 'other' },
    { contactId: 'c1', text: 'same' },
  ];

  test('have the first one’s row and memory id, and no request', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    const run = await simulate({ clock, server, notes: twice });
    expect(run.outcomes.get(3)).toMatchObject({ kind: 'duplicate', firstRow: '1', memoryId: 'm1' });
    expect(server.creates()).toHaveLength(2);
  });

  test('share the failure of their first', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text }) => (text === 'same' ? { kind: 'refused', status: 400 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: twice });
    expect(run.kinds).toEqual(['bad_request', 'created', 'bad_request']);
    expect(run.outcomes.get(3)).toMatchObject({ attempts: 0, message: expect.stringContaining('row 1') });
    expect(server.creates()).toHaveLength(2);
  });

  test('are created with --duplicates create, each once however often the import runs', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    const ledgerPath = ledgerFile();
    const notes = [...twice, ...twice];
    const run = await simulate({ clock, server, notes, ledgerPath, options: { duplicates: 'create' } });
    expect(run.kinds).toEqual(Array.from({ length: 6 }, () => 'created'));
    expect(server.memories).toHaveLength(6);
    const again = await simulate({ clock, server, notes, ledgerPath, options: { duplicates: 'create' } });
    expect(again.kinds).toEqual(Array.from({ length: 6 }, () => 'already_imported'));
    expect(server.creates()).toHaveLength(6);
  });
});

describe('--adopt', () => {
  test('counts each memory for one row, and lists a contact once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: 'same ' });
    server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: 'unrelated' });
    const notes: Note[] = [...['a', 'b', 'c'].map((id) => ({ contactId: 'c1', text: 'same', id })), { contactId: 'c2', text: 'new' }];
    const run = await simulate({ clock, server, notes, options: { adopt: true } });
    expect(run.kinds).toEqual(['already_imported', 'created', 'created', 'created']);
    expect(run.known[0]).toMatchObject({ state: 'created', how: 'adopted', memoryId: 'm1' });
    expect(server.lists()).toHaveLength(2);
    expect(server.memories.filter(({ text }) => text.trim() === 'same')).toHaveLength(3);
  });

  test('holds what a page may hide, and finds what the page shows', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { pageSize: 10 });
    for (let i = 0; i < 12; i++) server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: `text ${i}` });
    const notes = ['text 3', 'text 11', 'new'].map((text) => ({ contactId: 'c1', text }));
    const run = await simulate({ clock, server, notes, options: { adopt: true } });
    expect(run.kinds).toEqual(['already_imported', 'held', 'held']);
    expect(server.creates()).toHaveLength(0);
  });

  test('sends nothing where lists can’t be had; a 404 means a missing contact only where others can be listed', async () => {
    for (const status of [404, 500]) {
      const clock = createVirtualClock();
      const server = createScriptedServer(clock, { onList: () => ({ kind: 'unlisted', outage: false, status }) });
      const run = await simulate({ clock, server, notes: notesOf(10), options: { adopt: true } });
      expect(run.kinds.every((kind) => kind === 'held')).toBe(true);
      expect(server.creates()).toHaveLength(0);
    }
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      latencyMs: ({ contactId }) => (contactId === 'c1' ? 5 : 50),
      onList: ({ contactId }) => (contactId === 'c1' ? { kind: 'unlisted', outage: false, status: 404 } : { kind: 'listed' }),
      onCreate: ({ contactId }) => (contactId === 'c1' ? { kind: 'refused', status: 404 } : { kind: 'created' }),
    });
    const run = await simulate({ clock, server, notes: notesOf(3), options: { adopt: true } });
    expect(run.kinds).toEqual(['not_found', 'created', 'created']);
  });
});

describe('a stop in the middle', () => {
  test('settles what is under way, releases what was claimed and not sent, and keeps no row half', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 1000 });
    const ledgerPath = ledgerFile();
    const notes = notesOf(200);
    const run = await simulate({
      clock,
      server,
      notes,
      ledgerPath,
      options: { concurrency: 8 },
      during: ({ halt }) => void clock.sleep(1500).then(() => halt.stop(interruption())),
    });
    expect(run.kinds.filter((kind) => kind === 'created')).toHaveLength(16);
    expect(run.outcomes.size).toBe(16);
    expect(server.memories).toHaveLength(16);
    expect(clock.elapsed()).toBeLessThan(2100);
    const states = run.known.map((note) => note?.state ?? null);
    expect(states.filter((state) => state === 'created')).toHaveLength(16);
    expect(states.every((state) => state === 'created' || state === 'released' || state === null)).toBe(true);
    expect(states).toContain('released');
    expect(run.open).toEqual([]);
    const next = await simulate({ clock, server, notes, ledgerPath });
    expect(next.kinds.filter((kind) => kind === 'created')).toHaveLength(184);
    expect(server.lists()).toHaveLength(0);
  });
});

describe('a ledger that fails in the middle', () => {
  test('stops the run; what isn’t durable isn’t reported, and what is reported is durable', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { latencyMs: 100 });
    const ledgerPath = ledgerFile();
    const notes = notesOf(300);
    let left = 6;
    const run = await simulate({
      clock,
      server,
      notes,
      ledgerPath,
      options: { concurrency: 8 },
      wrapLedger: (ledger) => ({
        ...ledger,
        commit: async (batch) => {
          if (left-- <= 0) throw new LedgerError('The ledger failed: disk full.');
          return ledger.commit(batch);
        },
      }),
    });
    expect(run.reason).toMatchObject({ reasonCode: 'ledger', continues: true });
    expect(run.outcomes.size).toBeGreaterThan(0);
    expect(run.outcomes.size).toBeLessThan(300);
    for (const row of run.outcomes.keys()) expect(run.known[row - 1]).toMatchObject({ state: 'created' });
    expect(run.known.filter((note) => note?.state === 'created')).toHaveLength(run.outcomes.size);
    const next = await simulate({ clock, server, notes, ledgerPath });
    expect(next.kinds.every((kind) => ['created', 'recovered', 'already_imported'].includes(kind))).toBe(true);
    expect(server.memories).toHaveLength(300);
  });
});

test('no more notes are claimed ahead than twice the concurrency: what a kill leaves in doubt is bounded', async () => {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock, { latencyMs: 60_000 });
  const run = await simulate({ clock, server, notes: notesOf(500), options: { concurrency: 4 }, killAfterMs: 1000 });
  expect(run.known.filter((note) => note !== null)).toHaveLength(8);
  expect(server.creates()).toHaveLength(4);
});

test('one slow contact doesn’t hold up the others, though thousands of its notes come first', async () => {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock, { latencyMs: ({ contactId }) => (contactId === 'c1' ? 1000 : 10) });
  const others = Array.from({ length: 50 }, (_, i) => ({ contactId: `other ${i}`, text: 'x' }));
  const start = clock.now();
  const notes = [...Array.from({ length: 2000 }, (_, i) => ({ contactId: 'c1', text: `t${i}` })), ...others];
  await simulate({ clock, server, notes, options: { concurrency: 4 }, killAfterMs: 10_000 });
  expect(server.memories.filter(({ contactId }) => contactId !== 'c1')).toHaveLength(50);
  expect(
    Math.max(
      ...server
        .creates()
        .filter(({ contactId }) => contactId !== 'c1')
        .map(({ at }) => at),
    ) - start,
  ).toBeLessThan(1000);
});

test.each([
  ['every second one', (number: number) => number % 2 === 1],
  ['as many as are read ahead', (number: number) => number < 3],
])('notes that wait for a look don’t hold up the others: %s', async (_, isLost) => {
  const clock = createVirtualClock();
  const lost = (contactId: string) => isLost(Number(contactId.slice(1)));
  const server = createScriptedServer(clock, {
    latencyMs: 10,
    onCreate: ({ contactId, nth }) =>
      nth === 0 && lost(contactId) ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' },
  });
  const start = clock.now();
  const notes = Array.from({ length: 60 }, (_note, i) => ({ contactId: `c${i}`, text: 'x' }));
  const run = await simulate({ clock, server, notes, options: { concurrency: 1, reconcileWaitMs: 60_000 } });
  expect(run.kinds).toEqual(notes.map(() => 'created'));
  const others = server.creates().filter(({ contactId }) => !lost(contactId));
  expect(Math.max(...others.map(({ at }) => at)) - start).toBeLessThan(20_000);
});
