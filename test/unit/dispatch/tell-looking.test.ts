import { expect, test } from 'vitest';
import type { Looker } from '../../../src/dispatch/look.js';
import { tellLooking } from '../../../src/dispatch/tell-looking.js';
import type { ImportEvent } from '../../../src/model.js';

const DOUBT = { row: null, contactId: 'c', subOrg: null, sentHash: 'h', claimedAt: 0, skewMs: null, since: 0 };

test('who looks is counted while it looks, for each purpose apart, also where it fails', async () => {
  const ends: (() => void)[] = [];
  const looker: Looker = {
    settle: () => new Promise((resolve) => ends.push(() => resolve({ kind: 'absent' }))),
    once: () => Promise.reject(new Error('no list')),
    list: async () => null,
    askForLongest: async () => {},
  };
  const told: string[] = [];
  const emit = (event: ImportEvent) => event.type === 'looking' && told.push(`${event.why} ${event.count}`);
  const telling = tellLooking(looker, emit);

  const looks = [telling.settle(DOUBT), telling.settle(DOUBT)];
  await expect(telling.once(DOUBT)).rejects.toThrow('no list');
  await telling.list(DOUBT);
  for (const end of ends) end();
  expect(await Promise.all(looks)).toEqual([{ kind: 'absent' }, { kind: 'absent' }]);
  expect(told).toEqual([
    'lost_answers 1',
    'lost_answers 2',
    'surplus 1',
    'surplus 0',
    'contact_lists 1',
    'contact_lists 0',
    'lost_answers 1',
    'lost_answers 0',
  ]);
});
