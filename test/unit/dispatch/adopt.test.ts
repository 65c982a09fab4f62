import { describe, expect, test } from 'vitest';
import { createScriptedServer, type Script, type ScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { interruption, ledgerFile, type Note, simulate } from './harness.js';

const ADOPT = { adopt: true } as const;
const memory = (text: string, contactId = 'c1') => ({ contactId, subOrg: null, name: 'Note', text });
const putMany = (server: ScriptedServer, contactId: string, count: number) => {
  for (let i = 1; i <= count; i++) server.put(memory(`${contactId} text ${i}`, contactId));
};

// The scripted server's lists show a contact's memories whatever the sub organization.
describe('a memory answers for one row', () => {
  test('also of two sub organizations whose lists both show it', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    server.put(memory('same'));
    const notes: Note[] = [
      { contactId: 'c1', text: 'other', subOrg: 'X' },
      { contactId: 'c1', text: 'same' },
      { contactId: 'c1', text: 'same', subOrg: 'X' },
    ];
    const run = await simulate({ clock, server, notes, options: ADOPT });
    expect(run.kinds).toEqual(['created', 'already_imported', 'created']);
    expect(new Set(run.known.map((note) => note?.memoryId)).size).toBe(3);
  });

  test('with two such memories each row has its own, in any order', async () => {
    for (const order of ['contact', 'none'] as const) {
      const clock = createVirtualClock();
      const server = createScriptedServer(clock);
      server.put(memory('same'));
      server.put(memory('same'));
      const notes = ['X', 'Y', null].map((subOrg) => ({ contactId: 'c1', text: 'same', subOrg }));
      const run = await simulate({ clock, server, notes, options: { ...ADOPT, order } });
      expect(run.kinds.toSorted()).toEqual(['already_imported', 'already_imported', 'created']);
      expect(new Set(run.known.map((note) => note?.memoryId)).size).toBe(3);
    }
  });

  test('what another row was making while the list was asked for isn’t adopted once its answer is there', async () => {
    const clock = createVirtualClock();
    // Row 1 makes its memory at 220 ms and is told at 420 ms; row 2 lists, after a 429, from 250 to 350 ms: for row 3 too.
    const server = createScriptedServer(clock, {
      latencyMs: ({ text, index }) => (text === 'same' ? 400 : text === '' && index > 0 ? 100 : 20),
      onList: ({ index }) => (index === 1 ? { kind: 'rate_limited', retryAfterMs: 150 } : { kind: 'listed' }),
    });
    const notes: Note[] = [
      { contactId: 'c1', text: 'same', subOrg: 'X' },
      { contactId: 'c1', text: 'other' },
      { contactId: 'c1', text: 'same' },
    ];
    const run = await simulate({ clock, server, notes, options: { ...ADOPT, order: 'none' } });
    const made = server.creates()[0]!;
    const listed = server.lists()[2]!;
    expect(listed.at).toBeGreaterThan(made.at + 200);
    expect(listed.answeredAt).toBeLessThan(made.answeredAt!);
    expect(run.kinds).toEqual(['created', 'created', 'created']);
    expect(new Set(run.known.map((note) => note?.memoryId)).size).toBe(3);
  });

  test('a list that shows a memory twice shows one memory', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    server.put(memory('same'));
    const connect = () => {
      const connection = server.connect();
      return {
        ...connection,
        list: async (contact: Parameters<typeof connection.list>[0]) => {
          const answer = await connection.list(contact);
          return answer.kind === 'listed' ? { ...answer, memories: answer.memories.flatMap((one) => [one, one]) } : answer;
        },
      };
    };
    const notes = ['a', 'b'].map((id) => ({ contactId: 'c1', text: 'same', id }));
    const run = await simulate({ clock, server: { ...server, connect }, notes, options: ADOPT });
    expect(run.kinds).toEqual(['already_imported', 'created']);
  });
});

describe('a deleted memory', () => {
  test.each(['DELETED', 'deleted', 'Deleted'])('(%s) isn’t there', async (status) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    server.put({ ...memory('one'), status });
    const run = await simulate({ clock, server, notes: [{ contactId: 'c1', text: 'one' }], options: ADOPT });
    expect(run.kinds).toEqual(['created']);
    expect(run.known[0]).toMatchObject({ how: 'created', memoryId: 'm2' });
  });

  test.each(['ACTUAL', 'OUTDATED', null])('is none whose status is %s', async (status) => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    server.put({ ...memory('one'), status });
    const run = await simulate({ clock, server, notes: [{ contactId: 'c1', text: 'one' }], options: ADOPT });
    expect(run.kinds).toEqual(['already_imported']);
  });

  test('still counts where it shows that the list is whole', async () => {
    const { clock, server, ledgerPath } = await imported({}, 'one');
    const deleted: ScriptedServer = { ...server, connect: () => deletedFrom(server) };
    const run = await simulate({ clock, server: deleted, ledgerPath, notes: [{ contactId: 'c1', text: 'new' }], options: ADOPT });
    expect(run.kinds).toEqual(['created']);
  });
});

describe('absence', () => {
  test('isn’t believed from a list without the newest memory that the ledger knows; what the list shows is adopted', async () => {
    const { clock, server, ledgerPath } = await imported({ pageSize: 3 }, 'known', (fresh) => putMany(fresh, 'c1', 3));
    const notes = ['c1 text 2', 'new'].map((text) => ({ contactId: 'c1', text }));
    const run = await simulate({ clock, server, ledgerPath, notes, options: ADOPT });
    expect(run.kinds).toEqual(['already_imported', 'held']);
    expect(run.outcomes.get(2)).toMatchObject({ message: expect.stringContaining("doesn't show memory m4") });
    expect(server.creates()).toHaveLength(1);
  });

  test('is believed where the newest is shown', async () => {
    const { clock, server, ledgerPath } = await imported({ pageSize: 4 }, 'known', (fresh) => putMany(fresh, 'c1', 3));
    const run = await simulate({ clock, server, ledgerPath, notes: [{ contactId: 'c1', text: 'new' }], options: ADOPT });
    expect(run.kinds).toEqual(['created']);
  });

  test('is believed from a list of a usual page’s length once the longest list is longer, which is asked for once', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    putMany(server, 'B', 11);
    for (const contactId of ['A', 'C']) putMany(server, contactId, 10);
    const ledgerPath = ledgerFile();
    const notesOfB = Array.from({ length: 11 }, (_, i) => ({ contactId: 'B', text: `B text ${i + 1}` }));
    const before = await simulate({ clock, server, ledgerPath, notes: notesOfB, options: ADOPT });
    expect(before.kinds).toEqual(notesOfB.map(() => 'already_imported'));
    const notes = ['A', 'C'].flatMap((contactId) =>
      ['text 3', 'new', 'newer'].map((text) => ({ contactId, text: `${contactId} ${text}` })),
    );
    const run = await simulate({ clock, server, ledgerPath, notes, options: ADOPT });
    expect(run.kinds).toEqual(['already_imported', 'created', 'created', 'already_imported', 'created', 'created']);
    expect(server.lists('B')).toHaveLength(2);
    expect(server.lists('A')).toHaveLength(1);
  });

  test('the longest list isn’t asked for where nothing is missing', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock);
    for (const contactId of ['A', 'B']) putMany(server, contactId, 10);
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, ledgerPath, notes: [{ contactId: 'B', text: 'B text 1' }], options: ADOPT });
    await simulate({ clock, server, ledgerPath, notes: [{ contactId: 'A', text: 'A text 1' }], options: ADOPT });
    expect(server.lists('B')).toHaveLength(1);
  });

  test('a stop while the longest list is asked for leaves the row to the next run', async () => {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      latencyMs: ({ contactId }) => (contactId === 'B' ? 200 : 20),
      onList: ({ contactId, nth }) => (contactId === 'B' && nth > 0 ? { kind: 'rate_limited', retryAfterMs: 60_000 } : { kind: 'listed' }),
    });
    putMany(server, 'A', 10);
    putMany(server, 'B', 1);
    const ledgerPath = ledgerFile();
    await simulate({ clock, server, ledgerPath, notes: [{ contactId: 'B', text: 'B text 1' }], options: ADOPT });
    const run = await simulate({
      clock,
      server,
      ledgerPath,
      notes: [{ contactId: 'A', text: 'new' }],
      options: ADOPT,
      during: ({ halt }) => void clock.sleep(100).then(() => halt.stop(interruption())),
    });
    expect(run.kinds).toEqual(['-']);
    expect(run.known[0]).toMatchObject({ state: 'released' });
  });
});

/** A contact with what `before` puts there and one note that the ledger knows. */
async function imported(script: Script, text: string, before: (server: ScriptedServer) => void = () => {}) {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock, script);
  before(server);
  const ledgerPath = ledgerFile();
  await simulate({ clock, server, ledgerPath, notes: [{ contactId: 'c1', text }] });
  return { clock, server, ledgerPath };
}

/** Shows every memory as deleted. */
function deletedFrom(server: ScriptedServer) {
  const connection = server.connect();
  const list: typeof connection.list = async (contact) => {
    const answer = await connection.list(contact);
    if (answer.kind !== 'listed') return answer;
    return { ...answer, memories: answer.memories.map((one) => ({ ...one, status: 'DELETED' })) };
  };
  return { ...connection, list };
}

test('a list that fails for a moment is asked for again: no row is held for it, and nothing is created twice', async () => {
  for (const status of [500, null]) {
    const clock = createVirtualClock();
    const server = createScriptedServer(clock, {
      onList: ({ nth }) => (nth < 2 ? { kind: 'unlisted', outage: true, status } : { kind: 'listed' }),
    });
    server.put(memory('there'));
    const notes: Note[] = ['there', 'new'].map((text) => ({ contactId: 'c1', text }));
    const run = await simulate({ clock, server, notes, options: ADOPT });
    expect(run.kinds).toEqual(['already_imported', 'created']);
  }
});
