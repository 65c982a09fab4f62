import { expect, test } from 'vitest';
import { createPageSense } from '../../../src/callers/reconcile.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { ContactList } from '../../../src/dispatch/persist.js';
import type { CreatedNote, Ledger } from '../../../src/ledger/ledger.js';
import { contentHash } from '../../../src/map/fingerprint.js';
import type { NoteKey, RunId } from '../../../src/model.js';
import { checkContacts } from '../../../src/run/check-contacts.js';
import { contactGroups, drawSample } from '../../../src/run/contact-groups.js';

const RUN = '20261123T030749Z-4f9a' as RunId;
const NOTES_PER_CONTACT = 3;

/** A run of so many notes that nobody holds: each page is made when it is asked for. */
function endlessRun(count: number) {
  let pages = 0;
  let handedOut = 0;
  const createdNotes: Ledger['createdNotes'] = async (_run, { after, limit }) => {
    pages++;
    const from = after?.key ?? 0;
    const notes = Array.from({ length: Math.min(limit, count - from) }, (_, i) => noteOf(from + i + 1));
    handedOut += notes.length;
    return notes;
  };
  return {
    ledger: { createdNotes, contact: async () => ({ memoryIds: new Set(), newest: null, unidentified: [] }) } as never as Ledger,
    pages: () => pages,
    handedOut: () => handedOut,
  };
}

function noteOf(key: number): CreatedNote {
  const contactId = `C-${String(Math.floor((key - 1) / NOTES_PER_CONTACT)).padStart(8, '0')}`;
  const sentHash = contentHash(`${key}`, 'text');
  const rest = { subOrg: null, createdAt: null, how: 'created', claimedAt: 0, skewMs: null } as const;
  return { key: key as NoteKey, contactId, row: `${key}`, sentHash, memoryId: `m${key}`, ...rest };
}

test('of a run of 10,000 notes only those of the contacts under way, and one page, are read ahead', async () => {
  const count = 10_000;
  const run = endlessRun(count);
  const halt = createHalt(() => {});
  const waiting: (() => void)[] = [];
  let underWay = 0;
  let most = 0;
  const list = (contact: { contactId: string }): Promise<ContactList> =>
    new Promise((resolve) => {
      underWay++;
      most = Math.max(most, underWay);
      waiting.push(() => {
        underWay--;
        const first = Number(contact.contactId.slice(2)) * NOTES_PER_CONTACT + 1;
        const memories = Array.from({ length: NOTES_PER_CONTACT }, (_, i) => ({
          id: `m${first + i}`,
          name: `${first + i}`,
          text: 'text',
          status: 'ACTUAL',
          createdAt: null,
          createdAtText: null,
        }));
        resolve({ kind: 'listed', memories });
      });
    });
  let taken = 0;
  const rows: number[] = [];
  const done = checkContacts({
    groups: contactGroups(run.ledger, RUN),
    connection: {
      persistence: { list, askForLongest: async () => {}, remove: async () => null },
      pages: createPageSense(),
      halt,
      clock: { now: () => 1e12, sleep: async () => {}, random: () => 0 },
    },
    ledger: run.ledger,
    concurrency: 4,
    believedFrom: 0,
    async take({ notes }) {
      taken += notes.length;
      rows.push(...notes.map(({ row }) => Number(row)));
      expect(notes.every(({ verdict }) => verdict === 'match')).toBe(true);
    },
  });
  let isOver = false;
  void done.then(() => {
    isOver = true;
  });
  while (!isOver) {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    // Nobody was answered since: whatever could be read ahead was.
    expect(underWay).toBeLessThanOrEqual(8);
    expect(run.handedOut() - taken).toBeLessThanOrEqual(1000 + 9 * NOTES_PER_CONTACT);
    // The last one first: what is answered out of turn is bounded too.
    for (const answer of waiting.splice(0).reverse()) answer();
  }
  expect(most).toBe(8);
  expect(taken).toBe(count);
  expect(rows).toEqual(Array.from({ length: count }, (_, i) => i + 1));
});

test('what a list lacks is looked for once more when absence may be believed, and not before', async () => {
  const run = endlessRun(NOTES_PER_CONTACT);
  const asked: number[] = [];
  let now = 1000;
  const list = async (): Promise<ContactList> => {
    asked.push(now);
    const shown = asked.length === 1 ? 2 : 3;
    const rest = { text: 'text', status: null, createdAt: null, createdAtText: null };
    return { kind: 'listed', memories: Array.from({ length: shown }, (_, i) => ({ id: `m${i + 1}`, name: `${i + 1}`, ...rest })) };
  };
  const check = async (believedFrom: number) => {
    asked.length = 0;
    const verdicts: string[] = [];
    await checkContacts({
      groups: contactGroups(run.ledger, RUN),
      connection: {
        persistence: { list, askForLongest: async () => {}, remove: async () => null },
        pages: createPageSense(),
        halt: createHalt(() => {}),
        clock: {
          now: () => now,
          async sleep(ms) {
            now += ms;
          },
          random: () => 0,
        },
      },
      ledger: run.ledger,
      concurrency: 4,
      believedFrom,
      take: async ({ notes }) => void verdicts.push(...notes.map(({ verdict }) => verdict)),
    });
    return verdicts;
  };
  expect(await check(5000)).toEqual(['match', 'match', 'match']);
  expect(asked).toEqual([1000, 5000]);
  expect(await check(5000)).toEqual(['match', 'match', 'missing']);
  expect(asked).toEqual([5000]);
});

test('a sample is drawn without holding the contacts that it is drawn from, evenly, and is nested in a larger one', async () => {
  const run = endlessRun(9000);
  const draw = (size: number, seed: number) => drawSample(contactGroups(run.ledger, RUN), { size, seed });
  const [ten, hundred, other] = [await draw(10, 1), await draw(100, 1), await draw(100, 2)];
  expect(ten).toMatchObject({ contacts: 10, ofContacts: 3000 });
  const chosen = { ten: [] as number[], hundred: [] as number[], other: [] as number[] };
  for await (const group of contactGroups(run.ledger, RUN)) {
    expect(group.length).toBe(NOTES_PER_CONTACT);
    const contact = Number(group[0]!.contactId.slice(2));
    if (ten.includes(group)) chosen.ten.push(contact);
    if (hundred.includes(group)) chosen.hundred.push(contact);
    if (other.includes(group)) chosen.other.push(contact);
  }
  expect([chosen.ten.length, chosen.hundred.length, chosen.other.length]).toEqual([10, 100, 100]);
  expect(chosen.hundred).toEqual(expect.arrayContaining(chosen.ten));
  expect(chosen.other).not.toEqual(chosen.hundred);
  const mean = chosen.hundred.reduce((sum, contact) => sum + contact, 0) / 100;
  expect(mean).toBeGreaterThan(1100);
  expect(mean).toBeLessThan(1900);
});
