import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LedgerError } from '../../../src/errors.js';
import type { ClaimAnswer, Ledger, LedgerBatch } from '../../../src/ledger/ledger.js';
import { createLedgerWriter } from '../../../src/ledger/writer.js';
import type { NoteKey } from '../../../src/model.js';
import { claimOf, created } from '../../contract/ledger-store.js';

const key = (n: number) => n as NoteKey; // as a ledger would give them
const step = (n: number) => created(key(n), `m-${n}`);
const failure = (row: number) => ({ input: 0, row, target: 0, class: 'invalid' as const, status: null, message: 'x', attempts: 0 });

/** A ledger that notes what it is asked, and commits when it is told to. */
function createSlowLedger() {
  const batches: LedgerBatch[] = [];
  const pending: { answer(): void; fail(error: unknown): void }[] = [];
  let isHeld = false;
  const commit = (batch: LedgerBatch) => {
    batches.push(batch);
    const answers = batch.claims.map(
      (claim): ClaimAnswer => ({ kind: 'claimed', key: key(Number(claim.row)), doubtedSince: null, doubtedSkewMs: null }),
    );
    return new Promise<readonly ClaimAnswer[]>((resolve, reject) => {
      if (isHeld) pending.push({ answer: () => resolve(answers), fail: reject });
      else resolve(answers);
    });
  };
  return {
    ledger: { commit } as Ledger, // the writer uses nothing else
    batches,
    sizes: () => batches.map(({ claims, transitions, failures }) => [claims.length, transitions.length, failures.length]),
    hold: () => {
      isHeld = true;
    },
    letGo: () => {
      isHeld = false;
      for (const one of pending.splice(0)) one.answer();
    },
    break: (error: unknown) => {
      isHeld = false;
      for (const one of pending.splice(0)) one.fail(error);
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the ledger\u2019s writer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('claims wait for nothing but the end of the turn, and share their commit', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger });
    const answers = await Promise.all([1, 2, 3].map((n) => writer.claim(claimOf(n))));
    expect(answers).toEqual([1, 2, 3].map((n) => ({ kind: 'claimed', key: n, doubtedSince: null, doubtedSkewMs: null })));
    expect(sizes()).toEqual([[3, 0, 0]]);
  });

  test('what only settles waits for company, at most maxDelayMs', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, maxDelayMs: 10 });
    const first = writer.settle(step(1));
    await turn();
    vi.advanceTimersByTime(9);
    const second = writer.fail(failure(7));
    await turn();
    expect(sizes()).toEqual([]);
    vi.advanceTimersByTime(1); // ten since the first
    await Promise.all([first, second]);
    expect(sizes()).toEqual([[0, 1, 1]]);
  });

  test('or it goes along with a claim', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, maxDelayMs: 1_000_000 });
    const settled = writer.settle(step(1));
    await writer.claim(claimOf(2));
    await settled;
    expect(sizes()).toEqual([[1, 1, 0]]);
    vi.advanceTimersByTime(2_000_000);
    await turn();
    expect(sizes()).toHaveLength(1); // its own time-out has nothing left to do
  });

  test('no commit has more than maxBatch entries, and none is forgotten', async () => {
    const { ledger, sizes, batches } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, maxBatch: 4, maxDelayMs: 1_000_000 });
    await Promise.all([...[1, 2, 3, 4, 5].map((n) => writer.claim(claimOf(n))), ...[1, 2, 3, 4, 5].map((n) => writer.settle(step(n)))]);
    expect(sizes()).toEqual([
      [4, 0, 0],
      [1, 3, 0],
      [0, 2, 0],
    ]);
    expect(batches.flatMap(({ transitions }) => transitions.map((one) => one.key))).toEqual([1, 2, 3, 4, 5]);
  });

  test('a full batch of settlements doesn\u2019t wait', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, maxBatch: 3, maxDelayMs: 1_000_000 });
    await Promise.all([1, 2, 3].map((n) => writer.settle(step(n))));
    expect(sizes()).toEqual([[0, 3, 0]]);
  });

  test('a claim right after a commit waits until the gap is over, and shares its commit with those that come meanwhile', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, gapMs: 1_000_000 });
    await writer.claim(claimOf(1));
    const later = [writer.claim(claimOf(2)), writer.settle(step(1))];
    await turn();
    later.push(writer.claim(claimOf(3)));
    await turn();
    expect(sizes()).toEqual([[1, 0, 0]]);
    vi.advanceTimersByTime(1_000_000);
    await Promise.all(later);
    expect(sizes()).toEqual([
      [1, 0, 0],
      [2, 1, 0],
    ]);
  });

  test('what came while a commit was under way waits for the gap, too', async () => {
    const slow = createSlowLedger();
    const writer = createLedgerWriter({ ledger: slow.ledger, gapMs: 1_000_000 });
    slow.hold();
    const first = writer.claim(claimOf(1));
    await turn();
    const later = writer.claim(claimOf(2));
    slow.letGo();
    await first;
    await turn();
    expect(slow.sizes()).toEqual([[1, 0, 0]]);
    vi.advanceTimersByTime(1_000_000);
    await later;
    expect(slow.sizes()).toHaveLength(2);
  });

  test('claims wait longer while there is enough to send without them, and no longer than that', async () => {
    const { ledger, sizes } = createSlowLedger();
    let isPressing = false;
    // The real time stands still beside these: what counts here is how often it is asked again.
    const writer = createLedgerWriter({ ledger, gapMs: 1000, longGapMs: 1_000_000, isPressing: () => isPressing });
    await writer.claim(claimOf(1));
    await turn();
    const second = writer.claim(claimOf(2));
    for (let gap = 0; gap < 3; gap++) {
      vi.advanceTimersByTime(1000);
      await turn();
    }
    expect(sizes()).toEqual([[1, 0, 0]]);
    isPressing = true;
    vi.advanceTimersByTime(1000);
    await second;
    expect(sizes()).toEqual([
      [1, 0, 0],
      [1, 0, 0],
    ]);
  });

  test('the longer gap ends by itself', async () => {
    vi.useRealTimers();
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, gapMs: 2, longGapMs: 10, isPressing: () => false });
    await writer.claim(claimOf(1));
    const startedAt = performance.now();
    await writer.claim(claimOf(2));
    expect(performance.now() - startedAt).toBeGreaterThan(5);
    expect(sizes()).toHaveLength(2);
  });

  test('a full batch doesn\u2019t wait for the gap', async () => {
    const { ledger, sizes } = createSlowLedger();
    const writer = createLedgerWriter({ ledger, maxBatch: 3, gapMs: 1_000_000 });
    await writer.claim(claimOf(1));
    await turn();
    const second = writer.claim(claimOf(2));
    await turn();
    await Promise.all([second, writer.claim(claimOf(3)), writer.claim(claimOf(4))]);
    expect(sizes()).toEqual([
      [1, 0, 0],
      [3, 0, 0],
    ]);
  });

  test('while a commit is under way the next one gathers, and goes right after it', async () => {
    const slow = createSlowLedger();
    const writer = createLedgerWriter({ ledger: slow.ledger });
    slow.hold();
    const first = writer.claim(claimOf(1));
    await turn();
    const later = [writer.claim(claimOf(2)), writer.settle(step(1)), writer.claim(claimOf(3))];
    await turn();
    expect(slow.sizes()).toEqual([[1, 0, 0]]);
    slow.letGo();
    await Promise.all([first, ...later]);
    expect(slow.sizes()).toEqual([
      [1, 0, 0],
      [2, 1, 0],
    ]);
  });

  describe('flush', () => {
    test('resolves when all that was said before is durable, and makes it so at once', async () => {
      const slow = createSlowLedger();
      const writer = createLedgerWriter({ ledger: slow.ledger, maxDelayMs: 1_000_000 });
      slow.hold();
      const order: string[] = [];
      const settled = writer.settle(step(1)).then(() => order.push('settled'));
      const flushed = writer.flush().then(() => order.push('flushed'));
      await turn();
      expect([slow.sizes(), order]).toEqual([[[0, 1, 0]], []]);
      slow.letGo();
      await Promise.all([settled, flushed]);
      expect(order).toEqual(['settled', 'flushed']);
    });

    test('of nothing writes nothing, and waits for no gap', async () => {
      const { ledger, sizes } = createSlowLedger();
      const writer = createLedgerWriter({ ledger, gapMs: 1_000_000 });
      await writer.claim(claimOf(1));
      await turn();
      await writer.flush();
      expect(sizes()).toEqual([[1, 0, 0]]);
    });

    test('waits for the gap as a claim does: hundreds of looks a second don\u2019t make as many commits', async () => {
      const { ledger, sizes } = createSlowLedger();
      const writer = createLedgerWriter({ ledger, gapMs: 1_000_000 });
      await writer.claim(claimOf(1));
      await turn();
      const flushed: Promise<void>[] = [];
      for (const n of [1, 2, 3]) {
        void writer.settle(step(n));
        flushed.push(writer.flush());
        await turn();
      }
      expect(sizes()).toEqual([[1, 0, 0]]);
      vi.advanceTimersByTime(1_000_000);
      await Promise.all(flushed);
      expect(sizes()).toEqual([
        [1, 0, 0],
        [0, 3, 0],
      ]);
    });

    test('said while a commit is under way, with nothing behind it, ends with that commit', async () => {
      const slow = createSlowLedger();
      const writer = createLedgerWriter({ ledger: slow.ledger, gapMs: 1_000_000 });
      slow.hold();
      const claimed = writer.claim(claimOf(1));
      await turn();
      const flushed = writer.flush();
      slow.letGo();
      await Promise.all([claimed, flushed]);
      expect(slow.sizes()).toEqual([[1, 0, 0]]);
    });

    test('of nothing is refused where the ledger has failed', async () => {
      const slow = createSlowLedger();
      const writer = createLedgerWriter({ ledger: slow.ledger });
      slow.hold();
      const claimed = writer.claim(claimOf(1));
      await turn();
      slow.break(new LedgerError('the disk is full'));
      await expect(claimed).rejects.toThrow('the disk is full');
      await turn();
      await expect(writer.flush()).rejects.toThrow('the disk is full');
    });

    test('takes along what was said in the very moment in which a commit ended', async () => {
      const { ledger, batches } = createSlowLedger();
      const writer = createLedgerWriter({ ledger, maxDelayMs: 1_000_000 });
      const { key: claimed } = (await writer.claim(claimOf(1))) as { readonly key: NoteKey }; // the stub always claims
      let isSettled = false;
      void writer.settle(step(claimed)).then(() => {
        isSettled = true;
      });
      await writer.flush();
      expect(isSettled).toBe(true);
      expect(batches.flatMap(({ transitions }) => transitions)).toHaveLength(1);
    });

    test('isn\u2019t kept waiting by what is said after it', async () => {
      const slow = createSlowLedger();
      const writer = createLedgerWriter({ ledger: slow.ledger });
      slow.hold();
      const first = writer.claim(claimOf(1));
      await turn();
      const flushed = writer.flush();
      const second = writer.claim(claimOf(2));
      slow.letGo();
      slow.hold();
      await Promise.all([first, turn()]);
      slow.letGo();
      await flushed;
      await second;
      // Under a steady stream, each commit adding the next entry, a flush still ends.
      let isOver = false;
      const stream = (async () => {
        for (let n = 10; !isOver; n++) await writer.claim(claimOf(n));
      })();
      await writer.flush();
      isOver = true;
      await stream;
    });
  });

  test('after a commit has failed nothing more is written, and everybody is told', async () => {
    const slow = createSlowLedger();
    const writer = createLedgerWriter({ ledger: slow.ledger });
    slow.hold();
    const disk = new LedgerError('The ledger failed: disk full.');
    const first = writer.claim(claimOf(1));
    await turn();
    const behind = writer.settle(step(9));
    const results = Promise.allSettled([first, behind]);
    slow.break(disk);
    for (const result of await results) expect(result).toEqual({ status: 'rejected', reason: disk });
    await expect(writer.claim(claimOf(2))).rejects.toBe(disk);
    const late = writer.settle(step(3));
    vi.advanceTimersByTime(1000);
    await expect(late).rejects.toBe(disk);
    await expect(writer.flush()).rejects.toBe(disk);
    expect(slow.batches).toHaveLength(1);
  });

  test('a failure that isn\u2019t the ledger\u2019s own is told as one, with its cause', async () => {
    const slow = createSlowLedger();
    const writer = createLedgerWriter({ ledger: slow.ledger });
    slow.hold();
    const claimed = writer.claim(claimOf(1));
    await turn();
    const cause = new TypeError('a bug');
    slow.break(cause);
    await expect(claimed).rejects.toMatchObject({ name: 'LedgerError', cause });
  });
});
