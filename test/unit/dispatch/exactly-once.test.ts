import fc from 'fast-check';
import { expect, test } from 'vitest';
import { letGoOfFiles } from '../../support/few-files.js';
import { type CreateScript, createScriptedServer, type ListScript, type Script } from '../../support/scripted-api.js';
import { createVirtualClock, seeded } from '../../support/virtual-clock.js';
import { interruption, kindOf, ledgerFile, type Note, type RunOptions, simulate } from './harness.js';

const WAIT_MS = 10_000;

// The promise's condition, as the README states it: a request is finished or dropped, and lists show it, within the wait since its loss.
const anyWorld = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
  contacts: fc.integer({ min: 1, max: 4 }),
  notes: fc.integer({ min: 1, max: 12 }),
  withIds: fc.boolean(),
  faultiness: fc.constantFrom(0.1, 0.4, 0.8),
  listFaultiness: fc.constantFrom(0, 0.3, 0.9),
  listLagMs: fc.integer({ min: 0, max: 4000 }),
  skewMs: fc.constantFrom(0, 3_600_000, -3_600_000),
  trims: fc.boolean(),
  killAfterMs: fc.option(fc.integer({ min: 1, max: 40_000 })),
  stopAfterMs: fc.option(fc.integer({ min: 1, max: 40_000 })),
  options: fc.record({
    concurrency: fc.constantFrom(1, 2, 16),
    retries: fc.integer({ min: 0, max: 3 }),
    order: fc.constantFrom('contact', 'none'),
    rate: fc.constantFrom(null, 5),
  }),
});

test('no fault, kill or stop makes a note twice or loses a row, and the runs after it converge', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(anyWorld, async (world) => {
      letGoOfFiles();
      const random = seeded(world.seed);
      const clock = createVirtualClock({ seed: world.seed });
      let calm = false;
      const script: Script = {
        onCreate: () => (calm || random() >= world.faultiness ? { kind: 'created' } : fault(random)),
        onList: () => (calm || random() >= world.listFaultiness ? { kind: 'listed' } : listFault(random)),
        listLagMs: () => Math.floor(random() * world.listLagMs),
        latencyMs: () => 1 + Math.floor(random() * 200),
        skewMs: world.skewMs,
        stores: (value) => (world.trims ? value.trim().replaceAll('\r\n', '\n') : value),
      };
      const server = createScriptedServer(clock, script);
      const notes = notesOf(world, random);
      const options: RunOptions = { ...world.options, reconcileWaitMs: WAIT_MS, giveUpAfterMs: 3_600_000 };
      const ledgerPath = ledgerFile();
      const { killAfterMs, stopAfterMs } = world;
      const first = await simulate({
        clock,
        server,
        notes,
        options,
        ledgerPath,
        ...(killAfterMs === null ? {} : { killAfterMs }),
        during: ({ halt }) => {
          if (stopAfterMs !== null) void clock.sleep(stopAfterMs).then(() => halt.stop(interruption()));
        },
      });
      // Each row one outcome, or left for the next run, which only a stop may do.
      if (first.reason === null && !first.killed) expect(first.outcomes.size).toBe(notes.length);
      expectNothingTwice();
      expectReportsTrue(first);

      calm = true;
      let last = await simulate({ clock, server, notes, options, ledgerPath });
      expectNothingTwice();
      expectReportsTrue(last);
      expect(last.outcomes.size).toBe(notes.length);
      // What a look couldn't settle holds its lane for a run, as does a list that is too late to show the newest memory. The next is the last.
      await clock.run(clock.sleep(WAIT_MS));
      if (last.kinds.some((kind) => kind === 'in_doubt' || kind === 'held'))
        last = await simulate({ clock, server, notes, options, ledgerPath });
      expect(last.kinds.every((kind) => ['created', 'recovered', 'already_imported', 'duplicate'].includes(kind))).toBe(true);
      expectNothingTwice();
      expect(server.memories).toHaveLength(distinct(notes).size);
      expect(new Set(last.known.map((note) => note?.memoryId)).size).toBe(distinct(notes).size);

      function expectNothingTwice(): void {
        for (const [content, rows] of byContent(notes)) {
          const made = server.memories.filter((memory) => contentOf(memory) === content).length;
          expect(made, content).toBeLessThanOrEqual(world.withIds ? rows : 1);
        }
      }
      function expectReportsTrue(run: typeof first): void {
        const ids = [...run.outcomes.values()].flatMap((o) => (o.kind === 'created' || o.kind === 'recovered' ? [o.memoryId] : []));
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.every((id) => server.memories.some((memory) => memory.id === id))).toBe(true);
        // Known not to be there means: not there.
        for (const [row, outcome] of run.outcomes) {
          if (world.withIds || !['server_error', 'network', 'rate_limited', 'bad_request'].includes(kindOf(outcome))) continue;
          expect(server.memories.some((memory) => contentOf(memory) === contentOf(notes[row - 1]!))).toBe(false);
        }
      }
    }),
    { numRuns: 150, seed: 20261123 },
  );
});

function fault(random: () => number): CreateScript {
  const kind = random();
  const status = random() < 0.5 ? 500 : null;
  if (kind < 0.2) return { kind: 'lost', createdAfterMs: null, status };
  if (kind < 0.4) return { kind: 'lost', createdAfterMs: 1, status };
  // Late: after the loss, listed within the wait.
  if (kind < 0.6) return { kind: 'lost', createdAfterMs: 200 + Math.floor(random() * 5500), status, answerAfterMs: 200 };
  if (kind < 0.7) return { kind: 'rate_limited', retryAfterMs: random() < 0.5 ? null : Math.floor(random() * 5000) };
  if (kind < 0.8) return { kind: 'not_sent' };
  if (kind < 0.85) return { kind: 'created', readable: true };
  return random() < 0.5 ? { kind: 'refused', status: 400 } : { kind: 'lost', createdAfterMs: 100, status: null, answerAfterMs: 30_000 };
}

function listFault(random: () => number): ListScript {
  const kind = random();
  if (kind < 0.4) return { kind: 'unlisted', outage: true, status: random() < 0.5 ? 500 : null };
  if (kind < 0.7) return { kind: 'unlisted', outage: false, status: 404 };
  return { kind: 'rate_limited', retryAfterMs: null };
}

function notesOf(world: { readonly contacts: number; readonly notes: number; readonly withIds: boolean }, random: () => number): Note[] {
  return Array.from({ length: world.notes }, (_, i) => {
    const contactId = `c${1 + Math.floor(random() * world.contacts)}`;
    const text = ` note ${Math.floor(random() * world.notes)}\r\nend`;
    return { contactId, text, ...(world.withIds ? { id: `id-${i}` } : {}) };
  });
}

function contentOf({ contactId, text }: { readonly contactId: string; readonly text: string }): string {
  return `${contactId} ${text.trim().replaceAll('\r\n', '\n')}`;
}

function byContent(notes: readonly Note[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const note of notes) counts.set(contentOf(note), (counts.get(contentOf(note)) ?? 0) + 1);
  return counts;
}

/** What must be there at the end: a note each, whatever is in it, where ids tell them apart; else each content once. */
function distinct(notes: readonly Note[]): Set<string> {
  return new Set(notes.map((note) => note.id ?? contentOf(note)));
}
