import { createHash } from 'node:crypto';
import type { Claim, Ledger, LedgerBatch, Transition } from '../../src/ledger/ledger.js';
import type { Fingerprint, NoteKey, RunId } from '../../src/model.js';

/** One ledger of a store, as the suites of this folder need it. A fresh one for each test. */
export interface LedgerUnderTest {
  /** Several runs at the same time, or one after the other only. */
  readonly writers: 'one' | 'many';
  /** Opens it for a run. Where the store has a tail in memory, `tailLength` is its length. */
  open(run: OpenRun): Promise<Ledger>;
  /** Opens it to read; null where there is none yet. */
  openToRead(): Promise<Ledger | null>;
  /** The holder dies as by `kill -9`: nothing more is written, and the next one may open. */
  crash(ledger: Ledger): Promise<void>;
  /** Every byte that the store keeps. */
  bytes(): Promise<Buffer>;
  /** Closes what is open and removes everything. */
  destroy(): Promise<void>;
}

export interface OpenRun {
  readonly runId: string;
  readonly now?: () => number;
  readonly target?: { readonly baseUrl: string; readonly apiKey: string };
  readonly sameAccount?: boolean;
  readonly tailLength?: number;
}

/** An identity for each number: a hash, as real ones are. */
export function fingerprint(n: number | string): Fingerprint {
  return createHash('sha256').update(`note ${n}`).digest('hex') as Fingerprint; // what `map/fingerprint.ts` brands
}

export function runId(id: string): RunId {
  return id as RunId; // what `newRunId` brands
}

export function claimOf(n: number | string, part: Partial<Claim> = {}): Claim {
  return {
    fingerprint: fingerprint(n),
    contactId: 'contact-1',
    subOrg: null,
    sentHash: createHash('sha256').update(`sent ${n}`).digest('hex'),
    inputHash: null,
    skewMs: null,
    row: String(n),
    claimedAt: 1000,
    takeDoubt: false,
    ...part,
  };
}

export function batchOf(part: Partial<LedgerBatch>): LedgerBatch {
  return { claims: [], transitions: [], failures: [], ...part };
}

/** Claims one note that can be claimed, and gives its key. */
export async function claimKey(ledger: Ledger, claim: Claim): Promise<NoteKey> {
  const [answer] = await ledger.commit(batchOf({ claims: [claim] }));
  if (answer?.kind !== 'claimed') throw new Error(`expected a claim, got ${JSON.stringify(answer)}`);
  return answer.key;
}

export async function settle(ledger: Ledger, ...transitions: readonly Transition[]): Promise<void> {
  await ledger.commit(batchOf({ transitions }));
}

export function created(key: NoteKey, memoryId: string | null, part: Partial<Extract<Transition, { to: 'created' }>> = {}): Transition {
  return { key, to: 'created', memoryId, createdAt: null, how: 'created', attempts: 1, closingLook: false, ...part };
}

export function failed(key: NoteKey, part: Partial<Extract<Transition, { to: 'failed' }>> = {}): Transition {
  return { key, to: 'failed', class: 'bad_request', status: 400, message: 'refused', attempts: 1, doubted: false, ...part };
}

export function inDoubt(key: NoteKey, since: number): Transition {
  return { key, to: 'in_doubt', since, message: 'the answer was lost', attempts: 1 };
}

export function released(key: NoteKey, doubted = false): Transition {
  return { key, to: 'released', doubted };
}

export function undone(key: NoteKey): Transition {
  return { key, to: 'undone' };
}

/** What is known of one note. */
export async function known(ledger: Ledger, n: number | string) {
  const [note] = await ledger.lookup([fingerprint(n)]);
  return note ?? null;
}
