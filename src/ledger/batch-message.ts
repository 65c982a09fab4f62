import type { Fingerprint, NoteKey } from '../model.js';
import type { Claim, ClaimAnswer, LedgerBatch, Transition } from './ledger.js';

/**
 * A batch on its way to the ledger's thread. Almost all of it are claims and notes that were created: their fields stand in flat lists, in the
 * order of `claimAt` and `createdAt`, which are copied in half the time of objects.
 */
export interface BatchMessage extends Pick<LedgerBatch, 'failures' | 'contacts'> {
  readonly claims: readonly ClaimField[];
  readonly created: readonly CreatedField[];
  /** Any other step, and how many stand before it. */
  readonly steps: readonly (readonly [place: number, step: Transition])[];
}

type ClaimField = Claim[keyof Claim];
type Created = Extract<Transition, { readonly to: 'created' }>;
type CreatedField = Created[Exclude<keyof Created, 'to'>];

/** The key of a note that is claimed and was never in doubt; any other answer as it is. */
export type AnswerMessage = NoteKey | ClaimAnswer;

const FIELDS_OF_CLAIM = 9;
const FIELDS_OF_CREATED = 6;

export function encodeBatch({ claims, transitions, failures, contacts }: LedgerBatch): BatchMessage {
  const ofClaims: ClaimField[] = [];
  for (const { fingerprint, contactId, subOrg, sentHash, inputHash, row, claimedAt, skewMs, takeDoubt } of claims)
    ofClaims.push(fingerprint, contactId, subOrg, sentHash, inputHash, row, claimedAt, skewMs, takeDoubt);
  const created: CreatedField[] = [];
  const steps: (readonly [number, Transition])[] = [];
  transitions.forEach((step, place) => {
    if (step.to === 'created') created.push(step.key, step.memoryId, step.createdAt, step.how, step.attempts, step.closingLook);
    else steps.push([place, step]);
  });
  return { claims: ofClaims, created, steps, failures, ...(contacts === undefined ? {} : { contacts }) };
}

export function decodeBatch({ claims, created, steps, failures, contacts }: BatchMessage): LedgerBatch {
  const transitions: Transition[] = [];
  let other = 0;
  const count = created.length / FIELDS_OF_CREATED + steps.length;
  for (let at = 0; transitions.length < count; ) {
    const next = steps[other];
    if (next?.[0] === transitions.length) {
      transitions.push(next[1]);
      other++;
    } else {
      transitions.push(createdAt(created, at));
      at += FIELDS_OF_CREATED;
    }
  }
  const ofClaims: Claim[] = [];
  for (let at = 0; at < claims.length; at += FIELDS_OF_CLAIM) ofClaims.push(claimAt(claims, at));
  return { claims: ofClaims, transitions, failures, ...(contacts === undefined ? {} : { contacts }) };
}

export function encodeAnswers(answers: readonly ClaimAnswer[]): readonly AnswerMessage[] {
  return answers.map((answer) => (answer.kind === 'claimed' && answer.doubtedSince === null ? answer.key : answer));
}

export function decodeAnswers(answers: readonly AnswerMessage[]): readonly ClaimAnswer[] {
  return answers.map((answer) =>
    typeof answer === 'number' ? { kind: 'claimed', key: answer, doubtedSince: null, doubtedSkewMs: null } : answer,
  );
}

// What was put at a place comes from there: the casts are to what `encodeBatch` took it from.

function claimAt(fields: BatchMessage['claims'], at: number): Claim {
  return {
    fingerprint: fields[at] as Fingerprint,
    contactId: fields[at + 1] as string,
    subOrg: fields[at + 2] as string | null,
    sentHash: fields[at + 3] as string,
    inputHash: fields[at + 4] as string | null,
    row: fields[at + 5] as string,
    claimedAt: fields[at + 6] as number,
    skewMs: fields[at + 7] as number | null,
    takeDoubt: fields[at + 8] as boolean,
  };
}

function createdAt(fields: BatchMessage['created'], at: number): Created {
  return {
    to: 'created',
    key: fields[at] as NoteKey,
    memoryId: fields[at + 1] as string | null,
    createdAt: fields[at + 2] as string | null,
    how: fields[at + 3] as Created['how'],
    attempts: fields[at + 4] as number,
    closingLook: fields[at + 5] as boolean,
  };
}
