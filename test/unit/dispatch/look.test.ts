import { describe, expect, test } from 'vitest';
import { createScriptedServer, type Script } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { interruption, ledgerFile, type Note, simulate } from './harness.js';

const ONE = [{ contactId: 'c1', text: 'one' }];
const lostOnce = (createdAfterMs: number | null): Script => ({
  onCreate: ({ nth }) => (nth === 0 ? { kind: 'lost', createdAfterMs, status: null } : { kind: 'created' }),
});

describe('when it looks', () => {
  test('at once, and again until 10 s have passed since the loss; the list that counts begins after that', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, lostOnce(null));
    await simulate({ clock, server, notes: ONE });
    const [first, second] = server.creates();
    const lost = first!.answeredAt!;
    const looks = server.lists().filter(({ at }) => at < second!.at);
    expect(looks[0]!.at - lost).toBeLessThan(2000); // at once, but for the row's own backoff
    expect(looks.length).toBeGreaterThanOrEqual(5);
    expect(looks.length).toBeLessThanOrEqual(10);
    expect(looks.at(-1)!.at - lost).toBeGreaterThanOrEqual(10_000);
    expect(looks.at(-2)!.at - lost).toBeLessThan(10_000);
  });

  test('a list begun before the deadline and answered after it is not believed', async () => {
    const clock = createVirtualClock();
    // Made 9.9 s after the loss; a list takes 4 s to answer with what was there when it was asked.
    const server = createScriptedServer(clock, {
      ...lostOnce(9920),
      latencyMs: ({ text }) => (text === '' ? 4000 : 20),
    });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm1' });
    expect(server.memories).toHaveLength(1);
  });

  test('with --reconcile-wait 0 one look is enough', async () => {
    const clock = createVirtualClock({ random: () => 0 });
    const server = createScriptedServer(clock, lostOnce(null));
    await simulate({ clock, server, notes: ONE, options: { reconcileWaitMs: 0 } });
    expect(server.calls.map(({ verb }) => verb)).toEqual(['create', 'list', 'create', 'list']);
    expect(clock.elapsed()).toBeLessThan(1000);
  });

  test('a stop ends the wait; the doubt stays with its time, and the next run doesn’t wait again', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, lostOnce(9000));
    const ledgerPath = ledgerFile();
    const run = await simulate({
      clock,
      server,
      notes: ONE,
      ledgerPath,
      during: ({ halt }) => void clock.sleep(3000).then(() => halt.stop(interruption())),
    });
    expect(clock.elapsed()).toBeLessThanOrEqual(3001);
    expect(run.outcomes.size).toBe(0);
    const lost = server.creates()[0]!.answeredAt!;
    expect(run.open).toMatchObject([{ state: 'in_doubt', since: lost }]);
    await clock.run(clock.sleep(60_000));
    const before = clock.elapsed();
    const next = await simulate({ clock, server, notes: ONE, ledgerPath });
    expect(next.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm1' });
    expect(clock.elapsed() - before).toBeLessThan(1000);
  });

  test('other contacts go on meanwhile, with one slot only', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ contactId, nth }) =>
        contactId === 'c1' && nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' },
    });
    const notes: Note[] = Array.from({ length: 50 }, (_, i) => ({ contactId: `c${i + 1}`, text: 'x' }));
    await simulate({ clock, server, notes, options: { concurrency: 1 } });
    const others = server.creates().filter(({ contactId }) => contactId !== 'c1');
    expect(Math.max(...others.map(({ at }) => at))).toBeLessThan(server.creates('c1')[1]!.at - 5000);
  });
});

describe('lists that prove nothing', () => {
  test('a failing list is asked again after the deadline, as often as a row is sent, then it stays in doubt', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { ...lostOnce(null), onList: () => ({ kind: 'unlisted', outage: true, status: 500 }) });
    const run = await simulate({ clock, server, notes: ONE, options: { retries: 4 } });
    const deadline = server.creates()[0]!.answeredAt! + 10_000;
    expect(server.lists().filter(({ at }) => at >= deadline)).toHaveLength(5);
    expect(run.kinds).toEqual(['in_doubt']);
    expect(server.creates()).toHaveLength(1);
  });

  test('a 404 is no list: one after the deadline, then in doubt', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { ...lostOnce(null), onList: () => ({ kind: 'unlisted', outage: false, status: 404 }) });
    const run = await simulate({ clock, server, notes: ONE });
    const deadline = server.creates()[0]!.answeredAt! + 10_000;
    expect(server.lists().filter(({ at }) => at >= deadline)).toHaveLength(1);
    expect(run.kinds).toEqual(['in_doubt']);
    expect(server.creates()).toHaveLength(1);
  });

  test('429s of lists are waited for', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      ...lostOnce(5),
      onList: ({ index }) => (index < 5 ? { kind: 'rate_limited', retryAfterMs: 2000 } : { kind: 'listed' }),
    });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.kinds).toEqual(['recovered']);
    expect(server.lists()).toHaveLength(6);
  });

  test('a 401 of a list stops the run, and the row stays in doubt', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { ...lostOnce(5), onList: () => ({ kind: 'unauthorized' }) });
    const run = await simulate({ clock, server, notes: ONE });
    expect(run.reason?.reasonCode).toBe('key_refused');
    expect(run.kinds).toEqual(['-']);
    expect(run.open).toMatchObject([{ state: 'in_doubt' }]);
  });

  test('a page is in doubt while no longer list was seen: the largest contact is asked once, and nobody sends', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      pageSize: 20,
      onCreate: ({ text }) => (text.startsWith('lost') ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
    });
    for (let i = 0; i < 30; i++)
      for (const contactId of ['c1', 'c2']) server.put({ contactId, subOrg: null, name: 'Old', text: `old ${i}` });
    const notes = ['c1', 'c2'].map((contactId) => ({ contactId, text: `lost ${contactId}` }));
    const run = await simulate({ clock, server, notes: [{ contactId: 'big', text: 'x' }, ...notes], options: { retries: 2 } });
    expect(run.kinds).toEqual(['created', 'in_doubt', 'in_doubt']);
    expect(server.creates()).toHaveLength(3);
    expect(server.lists('big')).toHaveLength(1);
  });

  test('a page size is cleared by the longer list of the largest contact, which is asked once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ text, nth }) =>
        text.startsWith('lost') && nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' },
    });
    for (let i = 0; i < 20; i++)
      for (const contactId of ['c1', 'c2']) server.put({ contactId, subOrg: null, name: 'Old', text: `old ${i}` });
    const big = Array.from({ length: 21 }, (_, i) => ({ contactId: 'big', text: `b${i}` }));
    const lost = ['c1', 'c2'].map((contactId) => ({ contactId, text: `lost ${contactId}` }));
    const run = await simulate({ clock, server, notes: [...big, ...lost], options: { concurrency: 1 } });
    expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
    expect(server.creates()).toHaveLength(25);
    expect(server.lists('big')).toHaveLength(1);
  });
});

describe('the longest list', () => {
  const lostOnce20: Script['onCreate'] = ({ text, nth }) =>
    text.startsWith('lost') && nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' };
  const big = Array.from({ length: 21 }, (_, i) => ({ contactId: 'big', text: `b${i}` }));

  test('is asked for again where a passing failure answers', async () => {
    const clock = createVirtualClock();
    let failures = 0;
    const server = createScriptedServer(clock, {
      onCreate: lostOnce20,
      onList: ({ contactId }) =>
        contactId === 'big' && failures++ < 2 ? { kind: 'unlisted', outage: true, status: 500 } : { kind: 'listed' },
    });
    for (let i = 0; i < 20; i++) server.put({ contactId: 'c1', subOrg: null, name: 'Old', text: `old ${i}` });
    const run = await simulate({ clock, server, notes: [...big, { contactId: 'c1', text: 'lost' }], options: { concurrency: 1 } });
    expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
    expect(server.lists('big')).toHaveLength(3);
  });

  test('is asked for again a minute later: by then the run may have made a longer one', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: lostOnce20,
      // The big contact's notes are slow: they are there when c2's answer is lost, not yet when c1's is.
      latencyMs: ({ contactId }) => (contactId === 'big' ? 8000 : contactId === 'c2' ? 180_000 : 20),
    });
    for (let i = 0; i < 20; i++)
      for (const contactId of ['c1', 'c2']) server.put({ contactId, subOrg: null, name: 'Old', text: `old ${i}` });
    const lost = ['c1', 'c2'].map((contactId) => ({ contactId, text: `lost ${contactId}` }));
    const run = await simulate({ clock, server, notes: [...lost, ...big] });
    expect(run.outcomes.get(1)).toMatchObject({ kind: 'failed', class: 'in_doubt' });
    expect(run.outcomes.get(2)).toMatchObject({ kind: 'created' });
  });
});

describe('identical notes', () => {
  const two: Note[] = ['a', 'b'].map((id) => ({ contactId: 'c1', text: 'the same', id }));

  test('of which both lost their answers after being created are told apart: one memory for one row', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: null }) });
    const run = await simulate({ clock, server, notes: two });
    expect(run.kinds).toEqual(['recovered', 'recovered']);
    expect(run.known.map((note) => note?.memoryId)).toEqual(['m1', 'm2']);
    expect(server.memories).toHaveLength(2);
  });

  test('of which one was created and the other dropped end as two memories, not one and not three', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onCreate: ({ index }) =>
        index === 0
          ? { kind: 'lost', createdAfterMs: 5, status: null }
          : index === 1
            ? { kind: 'lost', createdAfterMs: null, status: null }
            : { kind: 'created' },
    });
    const run = await simulate({ clock, server, notes: two });
    expect(run.kinds).toEqual(['recovered', 'created']);
    expect(server.memories).toHaveLength(2);
  });

  test('that an earlier run left in doubt are both recovered, and neither is told as surplus', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 5, status: null }) });
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, notes: two, ledgerPath, options: { inDoubt: 'report', order: 'none' } });
    const again = await simulate({ clock, server, notes: two, ledgerPath, options: { inDoubt: 'report', order: 'none' } });
    expect(again.kinds).toContain('in_doubt');
    const made = server.memories.length;
    const next = await simulate({ clock, server, notes: [], ledgerPath });
    expect(next.events.filter(({ type }) => type === 'surplus')).toEqual([]);
    expect(next.events.find(({ type }) => type === 'doubts_settled')).toMatchObject({ recovered: made, absent: 0, open: 0 });
  });
});

test('with --order none, what siblings create while a list travels doesn’t make it prove nothing', async () => {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock, {
    onCreate: ({ text, nth }) => (text === 'lost' && nth === 0 ? { kind: 'lost', createdAfterMs: null, status: 500 } : { kind: 'created' }),
    latencyMs: ({ text }) => (text === '' ? 300 : 50),
  });
  const notes: Note[] = [
    { contactId: 'c1', text: 'lost' },
    ...Array.from({ length: 600 }, (_, i) => ({ contactId: 'c1', text: `x ${i}` })),
  ];
  const run = await simulate({ clock, server, notes, options: { order: 'none', concurrency: 2 } });
  expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
  expect(server.memories).toHaveLength(601);
});
