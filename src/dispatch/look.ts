import type { ContactAddress, ListAnswer, ListedMemory } from '../callers/api.js';
import type { judge as judgeList, PageSense } from '../callers/reconcile.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../model.js';
import { assertNever } from '../model.js';
import type { Gate } from './gate.js';
import { backoffMs } from './retry.js';

/** A note whose request may or may not have made a memory. */
export interface Doubt extends ContactAddress {
  /** The label of its row in this run; null: it was an earlier run's. */
  readonly row: string | null;
  readonly sentHash: string;
  /** Epoch ms: no request of it left before. */
  readonly claimedAt: number;
  /** How far the server's clock was ahead of the claim's, in ms; null: unknown; `ours`: as far as it is ahead of this process's. */
  readonly skewMs: number | null | 'ours';
  /** Epoch ms: since when its answer is missing. */
  readonly since: number;
}

export type Finding =
  | { readonly kind: 'present'; readonly memory: ListedMemory; readonly surplus: readonly ListedMemory[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unproven'; readonly why: string }
  /** The run stopped before it could be known. */
  | { readonly kind: 'stopped' };

export interface Looker {
  /** Looks at once, and again until absence may be believed. Holds no slot while it waits. */
  settle(doubt: Doubt): Promise<Finding>;
  /** One look, now. */
  once(doubt: Doubt): Promise<Finding>;
  /** The contact's list, its 429s and passing failures waited for; null where the run stopped. */
  list(contact: ContactAddress): Promise<ListAnswer | null>;
  /** Asks for the longest list there is, now and then: a longer one than a suspect page clears it. */
  askForLongest(): Promise<void>;
}

export interface LookOptions {
  readonly gate: Gate;
  readonly ledger: Pick<Ledger, 'contact' | 'largestContact'>;
  /** Makes what was settled so far known to the ledger: its memory ids must not answer for another row. */
  readonly flush: () => Promise<void>;
  readonly judge: typeof judgeList;
  readonly hashOf: (name: string, text: string) => string;
  readonly skewMs: () => number | null;
  readonly pages: PageSense;
  readonly clock: Clock;
  readonly stopped: AbortSignal;
  readonly reconcileWaitMs: number;
  readonly retries: number;
  readonly onLooked: (row: string | null, found: boolean | null) => void;
}

/** Between two looks. Most of what turns up late does so at once, and each look is a request that the API counts like any other. */
const FIRST_WAIT_MS = 400;
const WAIT_FACTOR = 4;
const MAX_WAIT_MS = 4000;
/** The ledger has to look at many notes to say which contact has most, and the run may have made a longer list since it was last asked. */
const LONGEST_AGAIN_MS = 60_000;

export function createLooker(options: LookOptions): Looker {
  const { gate, ledger, clock, stopped, pages } = options;
  let longest: { readonly asked: Promise<void>; readonly at: number } | null = null;

  const list = async (contact: ContactAddress): Promise<ListAnswer | null> => {
    for (let refusals = 1; ; refusals++) {
      const answer = await gate.list(contact);
      if (answer === null || answer.kind === 'unauthorized') return null; // 401 has stopped the run
      if (answer.kind !== 'rate_limited') {
        if (answer.kind === 'listed') pages.saw(answer.memories.length);
        return answer;
      }
      await clock.sleep(answer.retryAfterMs ?? backoffMs(refusals, clock.random()), stopped);
    }
  };

  /** A list that fails for a moment is no answer: asked as often as a row is sent, an outage aside. */
  const listPatiently = async (contact: ContactAddress): Promise<ListAnswer | null> => {
    for (let failures = 0; ; ) {
      const answer = await list(contact);
      if (answer?.kind !== 'unlisted' || !answer.outage) return answer;
      if ((await gate.lists.decide(clock.now())) !== 'outage' && ++failures > options.retries) return answer;
      if (stopped.aborted) return null;
      await clock.sleep(backoffMs(Math.max(1, failures), clock.random()), stopped);
    }
  };

  const askLargestContact = async (): Promise<void> => {
    const largest = await ledger.largestContact();
    if (largest === null) return;
    for (let failures = 1; ; failures++) {
      const answer = await list(largest);
      if (answer?.kind !== 'unlisted' || !answer.outage || failures > options.retries || stopped.aborted) return;
      await clock.sleep(backoffMs(failures, clock.random()), stopped);
    }
  };

  const askForLongest = (): Promise<void> => {
    const now = clock.now();
    if (longest === null || now - longest.at >= LONGEST_AGAIN_MS) longest = { asked: askLargestContact(), at: now };
    return longest.asked;
  };

  /** @param counts absence would be believed */
  const look = async (doubt: Doubt, counts: boolean): Promise<Finding & { readonly outage?: boolean }> => {
    await options.flush();
    // What a list must show was there before it was asked for; with `--order none` others are created meanwhile.
    const { newest } = await ledger.contact(doubt.contactId, doubt.subOrg);
    const answer = await list(doubt);
    if (answer === null) return { kind: 'stopped' };
    switch (answer.kind) {
      case 'unlisted':
        return { kind: 'unproven', why: `the contact's memories can't be listed (${answer.message})`, outage: answer.outage };
      case 'listed':
        break;
      case 'rate_limited':
      case 'unauthorized':
        return { kind: 'stopped' };
      default:
        return assertNever(answer);
    }
    await options.flush(); // what was settled while the list was under way
    const { memoryIds, unidentified } = await ledger.contact(doubt.contactId, doubt.subOrg);
    const known = { memoryIds, unidentified, newest };
    const skewMs = doubt.skewMs === 'ours' ? options.skewMs() : doubt.skewMs;
    const ask = () => options.judge({ memories: answer.memories, note: { ...doubt, skewMs }, known, pages, hashOf: options.hashOf });
    const judgement = ask();
    // Asked when it matters: until then the ledger may get to know a longer list.
    if (judgement.kind !== 'unproven' || !judgement.mayBePage || !counts) return judgement;
    await askForLongest();
    return ask();
  };

  const lookAndTell = async (doubt: Doubt, counts: boolean): Promise<Finding & { readonly outage?: boolean }> => {
    const finding = await look(doubt, counts);
    if (finding.kind !== 'stopped') options.onLooked(doubt.row, finding.kind === 'unproven' ? null : finding.kind === 'present');
    return finding;
  };

  return {
    list: listPatiently,
    askForLongest,
    once: (doubt) => lookAndTell(doubt, true),
    async settle(doubt) {
      const believedFrom = doubt.since + options.reconcileWaitMs;
      let failuresAfterwards = 0;
      for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * WAIT_FACTOR, MAX_WAIT_MS)) {
        const startedAt = clock.now();
        const finding = await lookAndTell(doubt, startedAt >= believedFrom);
        if (finding.kind === 'present' || finding.kind === 'stopped') return finding;
        if (startedAt >= believedFrom) {
          // A list that fails for a moment isn't an answer either way: asked as often as a row is sent, an outage aside.
          if (finding.kind !== 'unproven' || finding.outage !== true) return finding;
          if ((await gate.lists.decide(clock.now())) !== 'outage' && ++failuresAfterwards > options.retries) return finding;
        }
        if (stopped.aborted) return { kind: 'stopped' };
        const rest = believedFrom - clock.now();
        await clock.sleep(rest > 0 ? Math.min(wait, rest) : wait, stopped);
        if (stopped.aborted) return { kind: 'stopped' };
      }
    },
  };
}
