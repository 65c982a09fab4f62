import { describe, expect, test } from 'vitest';
import { createHalt } from '../../../src/dispatch/halt.js';
import { LedgerError, StoppedError } from '../../../src/errors.js';
import { createFirstSeen } from '../../../src/ledger/first-seen.js';
import type { KnownNote, Ledger } from '../../../src/ledger/ledger.js';
import type { LedgerWriter } from '../../../src/ledger/writer.js';
import type { Fingerprint, RunId, SourceInput } from '../../../src/model.js';
import { type Admission, admitAll } from '../../../src/run/admit.js';
import type { PreparedRow } from '../../../src/run/rows.js';

const input: SourceInput = { index: 0, path: 'a.csv', header: [], delimiter: ',', encoding: 'utf8', isFailuresFile: false };

function row(number: number): PreparedRow {
  const base = String(number) as Fingerprint; // the ledger below asks no more of one
  const name = `note ${number}`;
  const identity = { fingerprint: base, sentHash: base, inputHash: null, occurrence: 1 };
  return {
    kind: 'mapped',
    ordinal: number,
    base,
    source: { kind: 'record', input, row: number, line: number, cells: [], bytes: 1, occurrence: null, target: 0 },
    draft: { contactId: 'c1', subOrg: null, name, text: name, ...identity },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A ledger that knows nothing and answers when it is told to, and a dispatcher that takes everything. */
function bench() {
  const asked: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  const submitted: number[] = [];
  /** As long as it is set, rows wait for it. */
  let room: Promise<void> | null = null;
  const halt = createHalt(() => {});
  const lookup: Ledger['lookup'] = (fingerprints) =>
    new Promise((resolve, reject) => {
      const nothing: (KnownNote | null)[] = fingerprints.map(() => null);
      asked.push({ answer: () => resolve(nothing), fail: reject });
    });
  const admission: Admission = {
    runId: 'run' as RunId, // compared, never read
    ledger: { lookup } as Ledger, // nothing else is asked of it
    writer: {} as LedgerWriter, // no row fails here
    dispatcher: {
      submit: ({ ordinal }) => {
        submitted.push(ordinal);
        return room;
      },
      idle: async () => {},
    },
    firstSeen: createFirstSeen(),
    settled: { add: async () => {} },
    rows: { labelOf: String },
    recoveredBefore: new Set(),
    options: { duplicates: 'skip', distribute: false },
  };
  const read: number[] = [];
  const admitted: number[] = [];
  const admit = (batches: AsyncIterable<readonly PreparedRow[]>) =>
    admitAll(batches, {
      admission,
      halt,
      onRead: ([first]) => void read.push(first!.ordinal),
      onAdmitted: ([first]) => void admitted.push(first!.ordinal),
    });
  const waitFor = (free: Promise<void> | null): void => {
    room = free;
  };
  return { asked, submitted, halt, admit, read, admitted, waitFor };
}

async function* each(...batches: (readonly PreparedRow[])[]): AsyncGenerator<readonly PreparedRow[]> {
  for (const batch of batches) yield batch;
}

describe('the admission of rows', () => {
  test('reads the next batch, and no more, while the ledger says what it knows of one; rows keep their order', async () => {
    const { asked, submitted, admit, read, admitted } = bench();
    const done = admit(each([row(1), row(2)], [row(3)], [row(4)]));
    await turn();
    expect([read, asked.length, submitted]).toEqual([[1, 3], 1, []]);
    asked[0]!.answer();
    await turn();
    expect([read, asked.length, submitted, admitted]).toEqual([[1, 3, 4], 2, [1, 2], [1]]);
    asked[1]!.answer();
    await turn();
    asked[2]!.answer();
    await done;
    expect([submitted, admitted]).toEqual([
      [1, 2, 3, 4],
      [1, 3, 4],
    ]);
  });

  test('reads nothing ahead once rows had to wait for room, until they go through again', async () => {
    const { asked, submitted, admit, read, waitFor } = bench();
    const done = admit(each([row(1)], [row(2)], [row(3)], [row(4)], [row(5)]));
    const answer = async (batch: number) => {
      asked[batch]!.answer();
      await turn();
    };
    let makeRoom = (): void => {};
    waitFor(new Promise((resolve) => (makeRoom = resolve)));
    await turn();
    await answer(0);
    makeRoom();
    await turn();
    // The second was read beside the first. It is in its turn now, and the third isn't read beside it.
    expect([read, asked.length]).toEqual([[1, 2], 2]);
    waitFor(null);
    await answer(1);
    expect([read, submitted]).toEqual([
      [1, 2, 3, 4],
      [1, 2],
    ]);
    for (const batch of [2, 3, 4]) await answer(batch);
    await done;
    expect(submitted).toEqual([1, 2, 3, 4, 5]);
  });

  test('admits all that was read before it tells why reading ended early', async () => {
    const { asked, submitted, admit } = bench();
    async function* cutOff() {
      yield [row(1)];
      throw new StoppedError('unclosed_quote', 'row 2 never ends', false);
    }
    const done = admit(cutOff());
    const told = expect(done).rejects.toThrow('row 2 never ends');
    await turn();
    expect(submitted).toEqual([]);
    asked[0]!.answer();
    await told;
    expect(submitted).toEqual([1]);
  });

  test.each([
    ['the ledger fails', new LedgerError('the disk is full'), 'the disk is full'],
    ['there is a bug', new TypeError('x is not a function'), 'An unexpected error'],
  ])('stops the run at once where %s, though the input may be silent for hours', async (_what, error, told) => {
    const { asked, admit, halt } = bench();
    async function* silent(): AsyncGenerator<readonly PreparedRow[]> {
      yield [row(1)];
      // As the reader of standard input: it ends when the run is stopped.
      await new Promise<void>((resolve) => halt.signal.addEventListener('abort', () => resolve()));
    }
    const done = admit(silent());
    const failed = expect(done).rejects.toThrow(error.message);
    await turn();
    asked[0]!.fail(error);
    await failed;
    expect(halt.reason?.message).toContain(told);
  });

  test('takes up no further batch once the run is stopped', async () => {
    const { asked, submitted, admit, halt } = bench();
    const done = admit(each([row(1)], [row(2)]));
    await turn();
    halt.stop(new StoppedError('signal', 'Interrupted.', true));
    asked[0]!.answer();
    await done;
    expect([submitted, asked.length]).toEqual([[1], 1]);
  });
});
