import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createScriptedServer, type Script } from '../../support/scripted-api.js';
import { createVirtualClock, seeded } from '../../support/virtual-clock.js';
import { ledgerFile, type Note, type RunOptions, simulate } from './harness.js';

const THREE: readonly Note[] = [{ contactId: 'c1', text: 'long', parts: 3 }];

function world(script: Script = {}) {
  const clock = createVirtualClock();
  return { clock, server: createScriptedServer(clock, script) };
}

describe('a note in parts', () => {
  test('is one row with one outcome: its parts created in order, all their ids told', async () => {
    const { clock, server } = world();
    const notes = [...THREE, { contactId: 'c1', text: 'after' }];
    const run = await simulate({ clock, server, notes });
    expect(server.memories.map(({ text }) => text)).toEqual(['long [1/3]', 'long [2/3]', 'long [3/3]', 'after']);
    expect(run.kinds).toEqual(['created', 'created']);
    expect(run.outcomes.get(1)).toMatchObject({
      memoryId: server.memories
        .slice(0, 3)
        .map(({ id }) => id)
        .join(' '),
      attempts: 3,
    });
    expect((await simulate({ clock, server, notes, ledgerPath: ledgerFile() })).kinds).toEqual(['created', 'created']);
    expect(server.memories).toHaveLength(8);
  });

  test('has its parts in order and not beside each other with --order none too', async () => {
    const { clock, server } = world({ latencyMs: () => 1 + Math.floor(Math.random() * 100) });
    await simulate({ clock, server, notes: THREE, options: { order: 'none' } });
    const calls = server.creates('c1');
    expect(calls.map(({ text }) => text)).toEqual(['long [1/3]', 'long [2/3]', 'long [3/3]']);
    expect(calls[1]!.at).toBeGreaterThanOrEqual(calls[0]!.answeredAt!);
  });

  test('fails as a whole where one part is refused, names that part, sends none after it, and goes on from there', async () => {
    let refuses = true;
    const { clock, server } = world({
      onCreate: ({ text }) => (refuses && text.endsWith('[2/3]') ? { kind: 'refused', status: 400 } : { kind: 'created' }),
    });
    const ledgerPath = ledgerFile();
    const failed = await simulate({ clock, server, notes: THREE, ledgerPath });
    expect(failed.outcomes.get(1)).toMatchObject({ kind: 'failed', class: 'bad_request', attempts: 2 });
    expect(failed.outcomes.get(1)).toMatchObject({ message: expect.stringMatching(/^part 2 of 3: /) });
    expect(server.creates()).toHaveLength(2);
    refuses = false;
    const mended = await simulate({ clock, server, notes: THREE, ledgerPath });
    expect(mended.kinds).toEqual(['created']);
    expect(server.memories.map(({ text }) => text)).toEqual(['long [1/3]', 'long [2/3]', 'long [3/3]']);
  });

  test('is imported already if its last part is, whatever else is known of it', async () => {
    const { clock, server } = world();
    const ledgerPath = ledgerFile();
    // As `--too-long truncate` sends it: whole, under the same identity.
    await simulate({ clock, server, notes: [{ contactId: 'c1', text: 'long' }], ledgerPath });
    const run = await simulate({ clock, server, notes: THREE, ledgerPath });
    expect(server.memories).toHaveLength(1);
    expect(run.known[0]?.state).toBe('created');
  });

  test('twice in a file, with --duplicates create, is there twice, also after a crash in the middle of the second', async () => {
    const notes = [...THREE, ...THREE];
    for (const killAfterMs of [25, 35, 45, 55]) {
      const { clock, server } = world({ latencyMs: 10 });
      const ledgerPath = ledgerFile();
      const options: RunOptions = { duplicates: 'create' };
      await simulate({ clock, server, notes, options, ledgerPath, killAfterMs });
      for (let i = 0; i < 2; i++) await simulate({ clock, server, notes, options, ledgerPath });
      expect(server.memories.map(({ text }) => text)).toEqual([1, 2, 3, 1, 2, 3].map((number) => `long [${number}/3]`));
    }
  });
});

describe('identical notes in parts, with --duplicates create', () => {
  const thrice = (parts: number): readonly Note[] => [1, 2, 3].map(() => ({ contactId: 'c1', text: 'long', parts }));

  test('are known once they are there, also where their text would be cut elsewhere now', async () => {
    const { clock, server } = world();
    const ledgerPath = ledgerFile();
    const options: RunOptions = { duplicates: 'create' };
    await simulate({ clock, server, notes: thrice(3), options, ledgerPath });
    expect(server.memories).toHaveLength(9);
    // As another `--html` makes it: the note, and with it the last part, is the same, and what stands before is cut elsewhere.
    const again = await simulate({ clock, server, notes: thrice(4), options, ledgerPath });
    expect(again.kinds).toEqual(['already_imported', 'already_imported', 'already_imported']);
    expect(server.memories).toHaveLength(9);
  });
});

test('no fault and no kill makes a part twice, loses one or brings them out of order', { timeout: 60_000 }, async () => {
  const anyWorld = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
    killAfterMs: fc.integer({ min: 1, max: 1500 }),
    faultiness: fc.constantFrom(0, 0.3),
    order: fc.constantFrom('contact', 'none'),
  });
  await fc.assert(
    fc.asyncProperty(anyWorld, async ({ seed, sizes, killAfterMs, faultiness, order }) => {
      const random = seeded(seed);
      const clock = createVirtualClock({ seed });
      let calm = false;
      const server = createScriptedServer(clock, {
        latencyMs: () => 1 + Math.floor(random() * 200),
        onCreate: () =>
          calm || random() >= faultiness
            ? { kind: 'created' }
            : { kind: 'lost', createdAfterMs: random() < 0.5 ? 1 : null, status: random() < 0.5 ? 500 : null },
      });
      const notes = sizes.map((parts, i): Note => ({ contactId: `c${i % 2}`, text: `n${i}`, ...(parts > 1 ? { parts } : {}) }));
      const ledgerPath = ledgerFile();
      const options: RunOptions = { order };
      await simulate({ clock, server, notes, options, ledgerPath, killAfterMs });
      calm = true;
      let last = await simulate({ clock, server, notes, options, ledgerPath });
      if (last.kinds.some((kind) => kind === 'in_doubt' || kind === 'held'))
        last = await simulate({ clock, server, notes, options, ledgerPath });
      expect(
        last.kinds.every((kind) => ['created', 'recovered', 'already_imported'].includes(kind)),
        last.kinds.join(),
      ).toBe(true);
      for (const [i, parts] of sizes.entries()) {
        const texts = server.memories.filter(({ text }) => text.split(' ')[0] === `n${i}`).map(({ text }) => text);
        expect(texts).toEqual(parts === 1 ? [`n${i}`] : Array.from({ length: parts }, (_, part) => `n${i} [${part + 1}/${parts}]`));
      }
    }),
    { numRuns: 60, seed: 20261123 },
  );
});
