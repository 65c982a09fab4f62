import { describe, expect, test } from 'vitest';
import { createOthers, type OthersOptions, patienceWith } from '../../../src/dispatch/others.js';
import type { KnownNote, OpenNote, SharedLedger, Transition } from '../../../src/ledger/ledger.js';
import type { NoteKey } from '../../../src/model.js';
import { createVirtualClock } from '../../support/virtual-clock.js';

const KEY = 7 as NoteKey;
const BUSY = { kind: 'busy', note: KEY, by: 'run-b, process 5 on there' } as const;
const IN_DOUBT = { key: KEY, state: 'in_doubt' } as KnownNote; // what `lookFor` asks for of it

const openNote = (part: Partial<OpenNote> = {}): OpenNote => ({
  key: KEY,
  fingerprint: 'ab' as OpenNote['fingerprint'],
  state: 'in_doubt',
  contactId: 'ann',
  subOrg: null,
  sentHash: 'cd',
  row: '1',
  runId: 'run-b' as OpenNote['runId'],
  memoryId: null,
  claimedAt: 0,
  skewMs: null,
  since: 2000,
  ...part,
});

interface Setting {
  readonly open?: OpenNote | null;
  readonly holds?: boolean;
  readonly finds?: Awaited<ReturnType<OthersOptions['looker']['settle']>>;
  readonly inDoubt?: OthersOptions['inDoubt'];
}

function open({ open: note = openNote(), holds = true, finds = { kind: 'absent' }, inDoubt = 'reconcile' }: Setting = {}) {
  const clock = createVirtualClock();
  const settled: Transition[] = [];
  const said: string[] = [];
  const recovered = new Set<NoteKey>();
  const stop = new AbortController();
  const shared: Pick<SharedLedger, 'hold' | 'letGo' | 'inDoubt'> = {
    hold: async () => {
      said.push('hold');
      return holds;
    },
    letGo: async () => void said.push('let go'),
    inDoubt: async (key) => (note?.key === key ? note : null),
  };
  const others = createOthers({
    shared: shared as SharedLedger, // the rest isn't asked
    runId: 'run-a' as OthersOptions['runId'],
    looker: { settle: async () => finds },
    writer: { settle: async (step: Transition) => void settled.push(step) } as OthersOptions['writer'], // the rest isn't asked
    clock,
    stopped: stop.signal,
    giveUpAfterMs: 60_000,
    inDoubt,
    startedAt: 1000,
    recovered,
  });
  return { clock, others, settled, said, recovered, stop };
}

describe('a row whose contact another process works on', () => {
  test('asks again a little later each time, and begins anew with its patience where that one gets on', () => {
    const first = patienceWith(KEY, null, 1000);
    expect(first).toEqual({ note: KEY, since: 1000, waitMs: 50 });
    const second = patienceWith(KEY, first, 2000);
    expect(second).toEqual({ note: KEY, since: 1000, waitMs: 100 });
    expect(patienceWith(null, second, 3000)).toMatchObject({ note: KEY, since: 1000 });
    expect(patienceWith(8 as NoteKey, second, 3000)).toEqual({ note: 8, since: 3000, waitMs: 50 });
  });

  test('waits for as long as it was told', async () => {
    const { clock, others } = open();
    const before = clock.now();
    expect(await clock.run(others.wait(BUSY, patienceWith(KEY, null, before)))).toBe('ask_again');
    expect(clock.now() - before).toBe(50);
  });

  test('is held, not sent, where that one gets nowhere for longer than --give-up-after', async () => {
    const { clock, others } = open();
    const patience = { note: KEY, since: clock.now() - 60_000, waitMs: 1000 };
    const outcome = await clock.run(others.wait(BUSY, patience));
    expect(outcome).toMatchObject({ kind: 'failed', class: 'held', attempts: 0 });
    expect(JSON.stringify(outcome)).toMatch(/run-b, process 5 on there works on the same contact/);
  });

  test('waits no longer when the run stops', async () => {
    const { clock, others, stop } = open();
    const waiting = others.wait(BUSY, patienceWith(KEY, null, clock.now()));
    stop.abort();
    expect(await clock.run(waiting)).toBeNull();
    expect(await others.wait(BUSY, patienceWith(KEY, null, clock.now()))).toBeNull();
  });
});

describe('a note that came into doubt while the run goes on', () => {
  test('that is found is recovered by this run', async () => {
    const memory = { id: 'm-1', name: '', text: '', status: null, createdAt: 5, createdAtText: 'then' };
    const { others, settled, recovered } = open({ finds: { kind: 'present', memory, surplus: [] } });
    expect(await others.lookFor(IN_DOUBT)).toBe('ask_again');
    expect(settled).toMatchObject([{ key: KEY, to: 'created', memoryId: 'm-1', how: 'recovered', closingLook: false }]);
    expect(recovered.has(KEY)).toBe(true);
  });

  test('that is certainly not there can be claimed', async () => {
    const { others, settled } = open();
    expect(await others.lookFor(IN_DOUBT)).toBe('ask_again');
    expect(settled).toEqual([{ key: KEY, to: 'released', doubted: true }]);
  });

  test('that looking can\u2019t settle is let go, and isn\u2019t looked for by each row', async () => {
    const { others, settled, said } = open({ finds: { kind: 'unproven', why: 'no list' } });
    expect(await others.lookFor(IN_DOUBT)).toBe('in_doubt');
    expect(await others.lookFor(IN_DOUBT)).toBe('in_doubt');
    expect(said).toEqual(['hold', 'let go']);
    expect(settled).toEqual([]);
  });

  test('is let go when the run stops', async () => {
    const { others, said } = open({ finds: { kind: 'stopped' } });
    expect(await others.lookFor(IN_DOUBT)).toBeNull();
    expect(said).toEqual(['hold', 'let go']);
  });

  test.each<[string, Setting, string, readonly string[]]>([
    ['that was in doubt before the run began has been looked for', { open: openNote({ since: 999 }) }, 'in_doubt', []],
    [
      'that another process of this run left is looked for, whatever its clock said',
      { open: openNote({ runId: 'run-a' as OpenNote['runId'], since: 999 }), holds: false },
      'ask_again',
      ['hold'],
    ],
    ['that somebody has settled meanwhile is asked for again', { open: null }, 'ask_again', []],
    ['that another process looks for is waited for', { holds: false }, 'ask_again', ['hold']],
    ['isn\u2019t looked for where the user wants none of it', { inDoubt: 'report' }, 'in_doubt', []],
  ])('%s', async (_name, setting, expected, asked) => {
    const { clock, others, said, settled } = open(setting);
    expect(await clock.run(others.lookFor(IN_DOUBT))).toBe(expected);
    expect(said).toEqual(asked);
    expect(settled).toEqual([]);
  });
});
