import type { ContactAddress, ListAnswer, ListedMemory, MemoryAddress } from '../callers/api.js';
import type { PageSense } from '../callers/reconcile.js';
import { StoppedError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../model.js';
import type { Gate } from './gate.js';
import type { Halt } from './halt.js';
import { backoffMs } from './retry.js';

/** Lists and deletes for `verify` and `undo`: repeated as long as it makes sense, since repeating them harms nothing. */
export interface Persistence {
  /** null where the command was stopped first. */
  list(contact: ContactAddress): Promise<ContactList | null>;
  remove(memory: MemoryAddress): Promise<Removal | null>;
  /** Asks for the longest list there is, once: a longer one than a suspect page clears it. */
  askForLongest(): Promise<void>;
}

export type ContactList =
  | { readonly kind: 'listed'; readonly memories: readonly ListedMemory[] }
  /** 404, in the API's own words. */
  | { readonly kind: 'gone'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

export type Removal =
  /** `lostAnswers`: requests before this one that may have done it. */
  { readonly kind: 'deleted' | 'gone'; readonly lostAnswers: number } | { readonly kind: 'failed'; readonly message: string };

export interface PersistenceOptions {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly halt: Halt;
  readonly retries: number;
  readonly pages: PageSense;
  readonly ledger: Pick<Ledger, 'largestContact'>;
}

/** As for an import. */
const STRANGERS_IN_A_ROW = 50;

export function createPersistence({ gate, clock, halt, retries, pages, ledger }: PersistenceOptions): Persistence {
  let longestAsked: Promise<void> | null = null;
  let strangers = 0;

  /** Counts the tries of one request. False: they are used up, and neither an outage nor a 429 counts. */
  const createPatience = (breaker: Gate['lists']) => {
    let refusals = 0;
    let failures = 0;
    return {
      async afterRefusal(retryAfterMs: number | null): Promise<void> {
        // `outOfPatience` stops the run, where nothing but refusals came for too long.
        if (!gate.outOfPatience()) await clock.sleep(retryAfterMs ?? backoffMs(++refusals, clock.random()), halt.signal);
      },
      async afterFailure(): Promise<boolean> {
        if ((await breaker.decide(clock.now())) === 'outage') return true;
        if (++failures > retries) return false;
        await clock.sleep(backoffMs(failures, clock.random()), halt.signal);
        return true;
      },
    };
  };

  const heard = (isStranger: boolean, message: string): void => {
    strangers = isStranger ? strangers + 1 : 0;
    if (strangers < STRANGERS_IN_A_ROW) return;
    const said = `${STRANGERS_IN_A_ROW} answers in a row did not come from the API (the last: ${message}). Check --base-url and the proxy.`;
    halt.stop(new StoppedError('wrong_place', said, false));
  };

  const list = async (contact: ContactAddress): Promise<ContactList | null> => {
    const patience = createPatience(gate.lists);
    for (;;) {
      const answer: ListAnswer | null = await gate.list(contact);
      // 401 has stopped the run.
      if (answer === null || answer.kind === 'unauthorized') return null;
      if (answer.kind === 'listed') {
        heard(false, '');
        pages.saw(answer.memories.length);
        return { kind: 'listed', memories: answer.memories };
      }
      if (answer.kind === 'rate_limited') {
        await patience.afterRefusal(answer.retryAfterMs);
        continue;
      }
      const { message } = answer;
      if (answer.outage) {
        if (await patience.afterFailure()) continue;
        return { kind: 'failed', message };
      }
      heard(answer.refusedBy === 'stranger', message);
      return { kind: answer.status === 404 && answer.refusedBy === 'api' ? 'gone' : 'failed', message };
    }
  };

  return {
    list,
    askForLongest() {
      longestAsked ??= (async () => {
        const largest = await ledger.largestContact();
        // A failure passes: then the next one who needs it asks again.
        if (largest !== null && (await list(largest))?.kind === 'failed') longestAsked = null;
      })();
      return longestAsked;
    },
    async remove(memory) {
      const patience = createPatience(gate.removes);
      for (let lostAnswers = 0; ; ) {
        const answer = await gate.remove(memory);
        if (answer === null || answer.kind === 'unauthorized') return null;
        switch (answer.kind) {
          case 'deleted':
          case 'gone':
            heard(false, '');
            return { kind: answer.kind, lostAnswers };
          case 'rate_limited':
            await patience.afterRefusal(answer.retryAfterMs);
            break;
          case 'refused':
            heard(!answer.fromApi, answer.message);
            return { kind: 'failed', message: answer.message };
          case 'failed':
            if (answer.sent) lostAnswers++;
            if (!(await patience.afterFailure())) return { kind: 'failed', message: answer.message };
        }
      }
    },
  };
}
