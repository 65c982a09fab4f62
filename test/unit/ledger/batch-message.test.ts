import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeAnswers, decodeBatch, encodeAnswers, encodeBatch } from '../../../src/ledger/batch-message.js';
import type { Claim, ClaimAnswer, KnownNote, LedgerBatch, Transition } from '../../../src/ledger/ledger.js';
import type { Fingerprint, NoteKey, RunId } from '../../../src/model.js';

const text = fc.string({ maxLength: 3 });
const key = fc.nat().map((number) => number as NoteKey);
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const attempts = fc.nat(9);

const claim: fc.Arbitrary<Claim> = fc.record({
  fingerprint: text.map((value) => value as Fingerprint),
  contactId: text,
  subOrg: orNull(text),
  sentHash: text,
  inputHash: orNull(text),
  row: text,
  claimedAt: fc.nat(),
  skewMs: orNull(fc.integer()),
  takeDoubt: fc.boolean(),
});
const created: fc.Arbitrary<Transition> = fc.record({
  key,
  to: fc.constant('created' as const),
  memoryId: orNull(text),
  createdAt: orNull(text),
  how: fc.constantFrom('created' as const, 'recovered' as const, 'adopted' as const),
  attempts,
  closingLook: fc.boolean(),
});
const otherStep: fc.Arbitrary<Transition> = fc.oneof(
  fc.record({ key, to: fc.constant('released' as const), doubted: fc.boolean() }),
  fc.record({ key, to: fc.constantFrom('closed' as const, 'undone' as const) }),
  fc.record({ key, to: fc.constant('in_doubt' as const), since: fc.nat(), message: text, attempts }),
);
const batch: fc.Arbitrary<LedgerBatch> = fc.record(
  {
    claims: fc.array(claim),
    transitions: fc.array(fc.oneof(created, created, otherStep)),
    failures: fc.constant([]),
    contacts: fc.array(fc.record({ address: text, contactId: text })),
  },
  { requiredKeys: ['claims', 'transitions', 'failures'] },
);
const note: fc.Arbitrary<KnownNote> = fc.record({
  key,
  state: fc.constant('created' as const),
  runId: text.map((value) => value as RunId),
  row: text,
  memoryId: orNull(text),
  createdAt: orNull(text),
  how: fc.constant('created' as const),
  inputHash: orNull(text),
  attempts,
  failure: fc.constant(null),
});
const answer: fc.Arbitrary<ClaimAnswer> = fc.oneof(
  fc.record({ kind: fc.constant('claimed' as const), key, doubtedSince: fc.constant(null), doubtedSkewMs: fc.constant(null) }),
  fc.record({ kind: fc.constant('claimed' as const), key, doubtedSince: fc.nat(), doubtedSkewMs: orNull(fc.integer()) }),
  fc.record({ kind: fc.constant('known' as const), note }),
);

it('a batch that went to the thread is what was sent, its steps in their order', () => {
  fc.assert(
    fc.property(batch, (sent) => {
      expect(decodeBatch(structuredClone(encodeBatch(sent)))).toEqual(sent);
    }),
  );
});

it('answers that came from the thread are what it answered', () => {
  fc.assert(
    fc.property(fc.array(answer), (answers) => {
      expect(decodeAnswers(structuredClone(encodeAnswers(answers)))).toEqual(answers);
    }),
  );
});
