import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Claim, ClaimAnswer, KnownNote, Ledger, OpenNote, Transition } from '../../src/ledger/ledger.js';
import type { NoteKey } from '../../src/model.js';
import { batchOf, claimOf, created, failed, fingerprint, inDoubt, type LedgerUnderTest, released, runId } from './ledger-store.js';

/**
 * Random lives of some notes, in the ledger and in a model of thirty lines: both always say the same.
 * @param how.endOnFailure with the life that failed, not with a shorter one: where each takes seconds, looking for that takes minutes
 */
export function ledgerModel(
  name: string,
  create: () => Promise<LedgerUnderTest>,
  how: { readonly numRuns: number; readonly endOnFailure?: boolean } = { numRuns: 40 },
): void {
  test(`the ledger in ${name} answers as its model, over any sequence of claims, steps, ends and crashes`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), fc.integer({ min: 1, max: 9 }), async (commands, tailLength) => {
        const store = await create();
        try {
          await live(store, commands, tailLength);
        } finally {
          await store.destroy();
        }
      }),
      how,
    );
  }, 300_000);
}

const NOTES = 30;
const CONTACTS = ['ann', 'bob', 'cid'];

type Command =
  /** `takeDoubt` is an option of the run: no two claims of a batch differ in it. */
  | { readonly kind: 'commit'; readonly claims: readonly number[]; readonly takeDoubt: boolean; readonly steps: readonly Step[] }
  | { readonly kind: 'next run'; readonly how: 'close' | 'crash' }
  | { readonly kind: 'read' };
/** Of the notes that may take such a step, the one at `which`. */
type Step = { readonly which: number; readonly to: Transition['to']; readonly flag: boolean };

const step = fc.record({
  which: fc.nat(1000),
  to: fc.constantFrom('created', 'created', 'failed', 'in_doubt', 'released', 'closed', 'undone'),
  flag: fc.boolean(),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit'),
      claims: fc.array(fc.nat(NOTES - 1), { maxLength: 8 }),
      takeDoubt: fc.boolean(),
      steps: fc.array(step, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('next run'), how: fc.constantFrom('close', 'crash') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read') }) },
);

async function live(store: LedgerUnderTest, commands: readonly Command[], tailLength: number): Promise<void> {
  const model = createModel();
  let now = 1_000_000;
  let runs = 1;
  let memories = 0;
  const open = () => store.open({ runId: `run-${runs}`, now: () => now, tailLength });
  let ledger = await open();

  const transitionOf = ({ which, to, flag }: Step): Transition | null => {
    const candidates = model.candidates(to);
    const key = candidates[which % Math.max(1, candidates.length)];
    if (key === undefined) return null;
    switch (to) {
      case 'created':
        return created(key, which % 7 === 0 ? null : `m-${++memories}`, { closingLook: flag, how: flag ? 'recovered' : 'created' });
      case 'failed':
        return failed(key, { doubted: flag });
      case 'in_doubt':
        return inDoubt(key, now - 5);
      case 'released':
        return released(key, flag);
      case 'closed':
      case 'undone':
        return { key, to };
    }
  };

  for (const wanted of commands) {
    now += 10;
    switch (wanted.kind) {
      case 'commit': {
        const transitions: Transition[] = [];
        for (const one of wanted.steps) {
          const transition = transitionOf(one);
          if (transition === null) continue;
          model.apply(transition, `run-${runs}`, now);
          transitions.push(transition);
        }
        const { takeDoubt } = wanted;
        const claims = wanted.claims.map((n) =>
          claimOf(n, { takeDoubt, contactId: CONTACTS[n % 3]!, subOrg: n % 2 === 0 ? null : 'east', claimedAt: now, row: `${runs}.${n}` }),
        );
        const answers = await ledger.commit(batchOf({ claims, transitions }));
        expect(answers.map(brief)).toEqual(claims.map((claim, i) => model.claim(claim, `run-${runs}`, answers[i]!)));
        break;
      }
      case 'next run':
        if (wanted.how === 'close') await ledger.close();
        else await store.crash(ledger);
        runs++;
        model.takeOver(now);
        ledger = await open();
        await compare(ledger, model, `run-${runs}`);
        expect(ledger.wasEmpty).toBe(model.notes().every((note) => note.state === 'released'));
        break;
      case 'read': {
        const reader = await store.openToRead();
        await compare(reader!, model, null);
        await reader!.close();
        break;
      }
    }
  }
  await compare(ledger, model, `run-${runs}`);
}

/** @param run whose ledger it is; null: it is open to read */
async function compare(ledger: Ledger, model: Model, run: string | null): Promise<void> {
  const all = Array.from({ length: NOTES }, (_, n) => fingerprint(n));
  const notes = await ledger.lookup(all);
  expect(notes.map((note) => (note === null ? null : briefNote(note)))).toEqual(all.map((one) => model.brief(one)));
  if (run !== null) {
    const open: OpenNote[] = [];
    for (let after: NoteKey | null = null; ; ) {
      const page: readonly OpenNote[] = await ledger.openNotes({ after, limit: 3 });
      open.push(...page);
      after = page.at(-1)?.key ?? null;
      if (page.length < 3) break;
    }
    expect(open.map(({ key, state, since, claimedAt }) => ({ key, state, since, claimedAt }))).toEqual(model.open(run));
  }
  for (const contactId of CONTACTS) {
    for (const subOrg of [null, 'east']) {
      // In no order: a store gives its rows as they lie there.
      const { unidentified, ...known } = await ledger.contact(contactId, subOrg);
      const { unidentified: expected, ...knownOfModel } = model.contact(contactId, subOrg);
      expect(known).toEqual(knownOfModel);
      expect([...unidentified].sort()).toEqual([...expected].sort());
    }
  }
  expect((await ledger.largestContact())?.memories ?? 0).toBe(model.largest());
  for (const one of new Set(model.notes().map(({ run: owner }) => owner))) {
    const made = model.created(one);
    const inOrder = async (order: 'contact' | 'newest') =>
      (await ledger.createdNotes(runId(one), { order, after: null, limit: 100 })).map(({ key }) => key);
    expect(await inOrder('newest')).toEqual(made.map(({ key }) => key).reverse());
    expect((await inOrder('contact')).sort((a, b) => a - b)).toEqual(made.map(({ key }) => key));
    expect(await ledger.createdTally(runId(one))).toEqual(model.tally(one));
  }
  const last = model.notes().at(-1)?.run ?? 'nobody';
  const ofRun = await ledger.notesOfRun(runId(last), { after: null, limit: 100 });
  const expected = model.notes().filter((note) => note.run === last);
  expect(ofRun.map(({ key }) => key)).toEqual(expected.map(({ key }) => key));
}

interface ModelNote {
  readonly key: NoteKey;
  readonly claim: Claim;
  state: 'claimed' | 'sending' | 'created' | 'failed' | 'in_doubt' | 'released' | 'undone';
  run: string;
  row: string;
  claimedAt: number;
  doubted: boolean;
  since: number;
  settledAt: number;
  memoryId: string | null;
  closing: boolean;
  attempts: number;
}
type Model = ReturnType<typeof createModel>;

function createModel() {
  const byFingerprint = new Map<string, ModelNote>();
  const notes = () => [...byFingerprint.values()].sort((a, b) => a.key - b.key);
  const isUnderWay = (note: ModelNote) => note.state === 'claimed' || note.state === 'sending';
  const briefOf = ({ key, state, run, row, memoryId, attempts }: ModelNote) => ({ key, state, runId: run, row, memoryId, attempts });

  return {
    notes,
    brief: (wanted: string) => {
      const note = byFingerprint.get(wanted);
      return note === undefined ? null : briefOf(note);
    },
    /** Keys of the notes that may take the step. */
    candidates: (to: Transition['to']): readonly NoteKey[] =>
      notes()
        .filter((note) => {
          if (to === 'closed') return note.closing;
          if (to === 'undone') return note.state === 'created';
          return isUnderWay(note) || (note.state === 'in_doubt' && to !== 'failed');
        })
        .map(({ key }) => key),
    claim(claim: Claim, run: string, answer: ClaimAnswer) {
      const note = byFingerprint.get(claim.fingerprint);
      if (note === undefined) {
        // A new note's key is the ledger's to choose; it must be above all others.
        const key = answer.kind === 'claimed' ? answer.key : (0 as NoteKey);
        expect(key).toBeGreaterThan(Math.max(0, ...notes().map((other) => other.key)));
        const { claimedAt, row } = claim;
        const fresh = { doubted: false, since: 0, settledAt: 0, memoryId: null, closing: false, attempts: 0 };
        byFingerprint.set(claim.fingerprint, { key, claim, state: 'claimed', run, row, claimedAt, ...fresh });
        return { kind: 'claimed', key, doubtedSince: null, doubtedSkewMs: null };
      }
      const may =
        note.state === 'released' ||
        note.state === 'undone' ||
        (note.state === 'failed' && note.run !== run) ||
        (note.state === 'in_doubt' && claim.takeDoubt && note.run !== run);
      if (!may) return { kind: 'known', ...briefOf(note) };
      if (!note.doubted) note.claimedAt = claim.claimedAt;
      note.state = note.state === 'in_doubt' ? 'sending' : 'claimed';
      note.run = run;
      note.row = claim.row;
      return { kind: 'claimed', key: note.key, doubtedSince: note.doubted ? note.claimedAt : null, doubtedSkewMs: null };
    },
    apply(transition: Transition, run: string, now: number) {
      const note = notes().find(({ key }) => key === transition.key)!;
      if (transition.to === 'closed') {
        note.closing = false;
        return;
      }
      note.state = transition.to;
      if ('attempts' in transition) note.attempts += transition.attempts;
      if ('doubted' in transition) note.doubted ||= transition.doubted;
      if (transition.to === 'undone') note.closing = false;
      if (transition.to === 'in_doubt') [note.doubted, note.since] = [true, transition.since];
      if (transition.to === 'created') {
        [note.run, note.memoryId, note.closing, note.doubted] = [run, transition.memoryId, transition.closingLook, false];
        note.settledAt = now;
      }
    },
    created: (run: string) => notes().filter((note) => note.run === run && note.state === 'created'),
    tally(run: string) {
      const ours = notes().filter((note) => note.run === run);
      const made = ours.filter(({ state }) => state === 'created');
      return {
        notes: made.length,
        contacts: new Set(made.map(({ claim }) => claim.contactId)).size,
        undone: ours.filter(({ state }) => state === 'undone').length,
        inDoubt: ours.filter((note) => note.state === 'in_doubt' || isUnderWay(note)).length,
      };
    },
    takeOver(now: number) {
      for (const note of notes().filter(isUnderWay)) [note.state, note.doubted, note.since] = ['in_doubt', true, now];
    },
    open: (run: string) =>
      notes()
        .filter((note) => (note.state === 'in_doubt' || note.closing) && note.run !== run)
        .map(({ key, state, since, claimedAt, settledAt }) => ({
          key,
          state: state === 'created' ? 'closing' : 'in_doubt',
          since: state === 'created' ? settledAt : since,
          claimedAt,
        })),
    contact(contactId: string, subOrg: string | null) {
      const with_ = notes().filter(({ claim, memoryId }) => claim.contactId === contactId && memoryId !== null);
      const ours = with_.filter(({ claim, state }) => claim.subOrg === subOrg && state === 'created');
      const newest = ours.sort((a, b) => a.settledAt - b.settledAt || a.key - b.key).at(-1)?.memoryId ?? null;
      const unnamed = notes().filter(
        (n) => n.claim.contactId === contactId && n.claim.subOrg === subOrg && n.state === 'created' && n.memoryId === null,
      );
      return {
        memoryIds: new Set(with_.map(({ memoryId }) => memoryId)),
        newest,
        unidentified: unnamed.map(({ claim }) => claim.sentHash),
      };
    },
    largest: () =>
      Math.max(
        0,
        ...CONTACTS.flatMap((contactId) =>
          [null, 'east'].map(
            (subOrg) =>
              notes().filter(({ claim, state }) => state === 'created' && claim.contactId === contactId && claim.subOrg === subOrg).length,
          ),
        ),
      ),
  };
}

function brief(answer: ClaimAnswer) {
  return answer.kind === 'known' ? { kind: answer.kind, ...briefNote(answer.note) } : answer;
}

function briefNote({ key, state, runId: run, row, memoryId, attempts }: KnownNote) {
  return { key, state, runId: run, row, memoryId, attempts };
}
