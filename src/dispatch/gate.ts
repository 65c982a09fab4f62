import type { CallersApi, ContactAddress, CreateAnswer, ListAnswer, NewMemory } from '../callers/api.js';
import { StoppedError } from '../errors.js';
import type { Clock, Emit } from '../model.js';
import { assertNever } from '../model.js';
import type { Aim } from './aim.js';
import { type Breaker, type BreakerResult, createBreaker } from './breaker.js';
import type { Halt } from './halt.js';
import { createPace } from './pacing.js';
import { createPool } from './pool.js';

/** The only way out: each request takes a slot of the pool, then waits for outages to end and for its turn by the pace. */
export interface Gate {
  /** null where the run stopped before the request left. */
  create(note: NewMemory): Promise<CreateAnswer | null>;
  list(contact: ContactAddress): Promise<ListAnswer | null>;
  /** Whether a failed create belongs to an outage, which costs the row no retry. */
  readonly creates: Pick<Breaker, 'decide'>;
  /** True where nothing but 429s came back for longer than the run's patience. */
  readonly outOfPatience: () => boolean;
}

export interface GateOptions {
  readonly api: CallersApi;
  readonly clock: Clock;
  readonly halt: Halt;
  readonly emit: Emit;
  readonly aim: Aim;
  readonly concurrency: number;
  readonly rate: number | null;
  readonly giveUpAfterMs: number;
}

const MAX_REFUSALS_THAT_STOP = 16;

export function createGate(options: GateOptions): Gate {
  const { api, clock, halt, emit, giveUpAfterMs } = options;
  const pool = createPool(options.concurrency);
  const pace = createPace({ rate: options.rate, refusalsThatStop: Math.min(options.concurrency, MAX_REFUSALS_THAT_STOP) });
  const creates = openableBreaker('creating memories', options);
  const lists = openableBreaker('listing memories', options);

  // One waiter sleeps, the others queue behind it: first come, first served, and one timer.
  let queue: Promise<unknown> = Promise.resolve();
  let queued = 0;
  const turn = (): Promise<boolean> | boolean => {
    if (halt.signal.aborted) return false;
    if (queued === 0 && pace.delayMs(clock.now()) <= 0) {
      pace.left(clock.now());
      return true;
    }
    queued++;
    const mine = queue.then(async () => {
      for (;;) {
        const delay = pace.delayMs(clock.now());
        if (halt.signal.aborted) return false;
        if (delay <= 0) {
          pace.left(clock.now());
          return true;
        }
        await clock.sleep(delay, halt.signal);
      }
    });
    queue = mine.finally(() => {
      queued--;
    });
    return mine;
  };

  const refused = (retryAfterMs: number | null): void => {
    const now = clock.now();
    pace.refused(now, retryAfterMs);
    emit({ type: 'rate_limited', waitMs: Math.max(retryAfterMs ?? 0, pace.delayMs(now)), ratePerSecond: pace.ratePerSecond });
    if (outOfPatience()) {
      halt.stop(
        new StoppedError(
          'rate_limited',
          `The API has answered nothing but 429 for ${Math.round(giveUpAfterMs / 1000)} s (--give-up-after). The same command goes on from here.`,
          true,
        ),
      );
    }
  };
  const outOfPatience = (): boolean => pace.refusedSince !== null && clock.now() - pace.refusedSince >= giveUpAfterMs;

  const exchange = <A extends CreateAnswer | ListAnswer>(
    breaker: Breaker,
    call: () => Promise<A>,
    resultOf: (answer: A) => BreakerResult,
  ) =>
    pool.run(async (): Promise<A | null> => {
      if (!(await breaker.pass())) return null;
      if (!(await turn())) {
        breaker.answered({ kind: 'unused' });
        return null;
      }
      emit({ type: 'under_way', requests: pool.underWay });
      const answer = await call();
      breaker.answered(resultOf(answer));
      return answer;
    });

  return {
    async create(note) {
      const answer = await exchange(
        creates,
        () => api.create(note),
        ({ verdict }) => createResult(verdict, note.contactId),
      );
      if (answer === null) return null;
      emit({ type: 'request', verb: 'create', status: answer.status, durationMs: answer.durationMs });
      if (answer.verdict.kind === 'rate_limited') refused(answer.verdict.retryAfterMs);
      else if (answer.status !== null) {
        pace.delivered(clock.now());
        pace.hinted(clock.now(), answer.pacing);
      }
      options.aim.answered(answer.verdict);
      return answer;
    },
    async list(contact) {
      const answer = await exchange(
        lists,
        () => api.list(contact),
        (listed) => listResult(listed, contact.contactId),
      );
      if (answer === null) return null;
      emit({ type: 'request', verb: 'list', status: answer.status, durationMs: answer.durationMs });
      if (answer.kind === 'rate_limited') refused(answer.retryAfterMs);
      else if (answer.status !== null) {
        pace.delivered(clock.now());
        pace.hinted(clock.now(), answer.pacing);
      }
      if (answer.kind === 'unauthorized') options.aim.answered({ kind: 'unauthorized', message: answer.message });
      return answer;
    },
    creates,
    outOfPatience,
  };
}

function openableBreaker(doing: string, { clock, halt, emit, giveUpAfterMs }: GateOptions): Breaker {
  return createBreaker({
    clock,
    stopped: halt.signal,
    giveUpAfterMs,
    onOpen: (message) =>
      emit({ type: 'paused', why: `The API can't be reached or fails for everyone (${doing}: ${message}); single requests try again.` }),
    onClose: (afterMs) => emit({ type: 'resumed', afterMs }),
    onGiveUp: (message) =>
      halt.stop(
        new StoppedError(
          'outage',
          `The API failed for everyone for longer than ${Math.round(giveUpAfterMs / 1000)} s (--give-up-after); the last answer was: ${message}. The same command goes on from here.`,
          true,
        ),
      ),
  });
}

function createResult(verdict: CreateAnswer['verdict'], contactId: string): BreakerResult {
  switch (verdict.kind) {
    case 'created':
    case 'refused':
    case 'unauthorized':
    case 'rate_limited':
      return { kind: 'good' };
    case 'not_sent':
      return { kind: 'failed', contactId, sent: false, message: verdict.message };
    case 'doubt':
      return { kind: 'failed', contactId, sent: true, message: verdict.message };
    default:
      return assertNever(verdict);
  }
}

function listResult(answer: ListAnswer, contactId: string): BreakerResult {
  if (answer.kind === 'unlisted' && answer.outage)
    return { kind: 'failed', contactId, sent: answer.status !== null, message: answer.message };
  return { kind: 'good' };
}
