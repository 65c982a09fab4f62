import { expect, test } from 'vitest';
import type { ListedMemory } from '../../../src/callers/api.js';
import { createPageSense } from '../../../src/callers/reconcile.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { CreatedNote } from '../../../src/ledger/ledger.js';
import { contentHash } from '../../../src/map/fingerprint.js';
import type { NoteKey, RunId } from '../../../src/model.js';
import { decideSteps } from '../../../src/run/undo-steps.js';

/** A note of one contact, which is there as it was sent unless its key is among the altered ones. */
function noteOf(key: number, row: string, name: string): CreatedNote & { readonly name: string } {
  const rest = { contactId: 'C-1', subOrg: null, createdAt: null, how: 'created', claimedAt: 0, skewMs: null } as const;
  return { ...rest, key: key as NoteKey, row, name, sentHash: contentHash(name, 't'), memoryId: `m${key}` };
}

async function decide(all: readonly ReturnType<typeof noteOf>[], window: readonly number[], altered: readonly number[]) {
  let asked = 0;
  const memories = all.map(
    ({ key, name }): ListedMemory => ({
      id: `m${key}`,
      name: altered.includes(key) ? 'changed' : name,
      text: 't',
      status: null,
      createdAt: null,
      createdAtText: null,
    }),
  );
  const steps = await decideSteps(
    window.map((key) => all.find((note) => note.key === key)!),
    {
      runId: '20261123T030749Z-4f9a' as RunId,
      force: false,
      ledger: {
        async createdNotes(_run, { order, after, limit }) {
          asked++;
          expect(order).toBe('contact');
          return all.filter(({ key }) => key > (after?.key ?? 0)).slice(0, limit);
        },
        contact: async () => ({ memoryIds: new Set(memories.map(({ id }) => id)), newest: null, unidentified: [] }),
      },
      connection: {
        persistence: {
          list: async () => ({ kind: 'listed', memories }),
          remove: async () => null,
          askForLongest: async () => {},
        },
        pages: createPageSense(),
        halt: createHalt(() => {}),
      },
    },
  );
  return { asked, kinds: steps?.map((step) => (step.kind === 'leave' ? step.outcome : step.kind)) };
}

const PARTS = [noteOf(1, '5', 'Call (1/3)'), noteOf(2, '5', 'Call (2/3)'), noteOf(3000, '5', 'Call (3/3)')];
const OTHERS = [noteOf(4, '6', 'Other'), noteOf(5, '7', 'Page (1/2)')];

test.each([
  ['before it', [3000, 2], [1]],
  ['behind it', [2, 1], [3000]],
] as const)('a part is kept by an altered one of the same note that stands in a window %s', async (_, window, altered) => {
  expect(await decide([...PARTS, ...OTHERS], window, altered)).toEqual({ asked: 1, kinds: ['altered', 'altered'] });
});

test('a whole note needs no question, and an altered one keeps nobody else', async () => {
  expect(await decide([...PARTS, ...OTHERS], [3000, 4, 2, 1], [4])).toEqual({ asked: 0, kinds: ['remove', 'altered', 'remove', 'remove'] });
});

test('a note that is only called like a part is one of its own', async () => {
  expect(await decide([...PARTS, ...OTHERS], [5, 4], [1, 4])).toEqual({ asked: 1, kinds: ['remove', 'altered'] });
});

test('a note that is no part is deleted, whatever became of another with the label of its row', async () => {
  const namesake = noteOf(9, '6', 'Of another file');
  expect(await decide([...OTHERS, namesake], [9, 4], [4])).toEqual({ asked: 0, kinds: ['remove', 'altered'] });
});
