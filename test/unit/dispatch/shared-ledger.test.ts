import { expect, test } from 'vitest';
import type { Ledger, SharedLedger } from '../../../src/ledger/ledger.js';
import { createScriptedServer } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';
import { ledgerFile, notesOf, simulate } from './harness.js';

const ALIVE: SharedLedger = {
  isAlive: () => true,
  untilAlive: async () => {},
  onLost: () => {},
  hold: async () => true,
  letGo: async () => {},
  inDoubt: async () => null,
  lateMemory: async () => null,
  runsUnderWay: async () => new Set(),
};
const shared = (part: Partial<SharedLedger>) => (ledger: Ledger) => ({ ...ledger, shared: { ...ALIVE, ...part } });

test('nothing is created while the others may think that this process is dead, and it goes on when it is alive again', async () => {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock);
  const deadFrom = clock.now() + 300;
  const aliveFrom = clock.now() + 8000;
  const isAlive = () => clock.now() < deadFrom || clock.now() >= aliveFrom;
  const wrapLedger = shared({ isAlive, untilAlive: (stopped) => clock.sleep(aliveFrom - clock.now(), stopped) });
  const run = await simulate({ clock, server, notes: notesOf(200), options: { concurrency: 2 }, wrapLedger });
  expect(run.kinds.every((kind) => kind === 'created')).toBe(true);
  expect(server.creates().filter(({ at }) => at < deadFrom).length).toBeGreaterThan(0);
  expect(server.creates().filter(({ at }) => at >= deadFrom && at < aliveFrom)).toEqual([]);
});

test('a memory that another process has learnt of late is not created again', async () => {
  const clock = createVirtualClock();
  let asked = 0;
  const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: null, status: 500 }) });
  const ledgerPath = ledgerFile();
  const notes = [{ contactId: 'c1', text: 'one' }];
  const first = await simulate({ clock, server, notes, ledgerPath, options: { retries: 0 } });
  expect(first.kinds).toEqual(['server_error']);
  const creates = server.creates().length;
  const lateMemory: SharedLedger['lateMemory'] = async () => {
    asked++;
    return { id: 'm-late', createdAt: 'then' };
  };
  const second = await simulate({ clock, server, notes, ledgerPath, wrapLedger: shared({ lateMemory }) });
  expect(second.outcomes.get(1)).toMatchObject({ kind: 'recovered', memoryId: 'm-late', createdAt: 'then' });
  expect(asked).toBe(1);
  expect(server.creates()).toHaveLength(creates);
});

test('what another process looks for is left to it', async () => {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock, { onCreate: () => ({ kind: 'lost', createdAfterMs: 0, status: 500 }) });
  const ledgerPath = ledgerFile();
  const notes = [{ contactId: 'c1', text: 'one' }];
  await simulate({ clock, server, notes, ledgerPath, options: { inDoubt: 'report' } });
  const lists = server.lists().length;
  const run = await simulate({ clock, server, notes: [], ledgerPath, wrapLedger: shared({ hold: async () => false }) });
  expect(server.lists()).toHaveLength(lists);
  expect(run.open).toHaveLength(1);
});
