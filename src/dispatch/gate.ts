import type { CallersApi, ContactAddress, CreateAnswer, ListAnswer, MemoryAddress, NewMemory, RemoveAnswer } from '../callers/api.js';
import { StoppedError } from '../errors.js';
import type { SharedLedger } from '../ledger/ledger.js';
import type { Clock, Emit, Verdict } from '../model.js';
import { assertNever } from '../model.js';
import type { Aim } from './aim.js';
import { type Breaker, type BreakerResult, createBreaker } from './breaker.js';
import type { Halt } from './halt.js';
import { createPace, type PaceTicket } from './pacing.js';
import { createPool } from './pool.js';

/** The only way out: each request waits for outages to end, takes a slot of the pool, and waits there for its turn by the pace. */
export interface Gate {
  /**
   * null where the run stopped before the request left.
   * @param failedAlone this row has failed before where others fared better
   */
  create(note: NewMemory, failedAlone: boolean): Promise<CreateAnswer | null>;
  list(contact: ContactAddress): Promise<ListAnswer | null>;
  remove(memory: MemoryAddress): Promise<RemoveAnswer | null>;
  /** Whether a failed create belongs to an outage, which costs the row no retry. */
  readonly creates: Pick<Breaker, 'decide'>;
  /** The same of a failed list. */
  readonly lists: Pick<Breaker, 'decide'>;
  readonly removes: Pick<Breaker, 'decide'>;
  /** True where nothing but 429s came back for longer than the run's patience: the run is stopped then. */
  readonly outOfPatience: () => boolean;
  /** Requests that wait for a slot: what can be sent as soon as one is free. */
  readonly waiting: number;
}

/** What processes that send for the same run share of its pace. */
export interface Quota {
  /** Resolves when a request may leave, as far as the others are concerned; also when `stopped` aborts. */
  turn(stopped: AbortSignal): Promise<void>;
  /** To be called first: what this process has found by itself, now. Requests a second, and epoch milliseconds. */
  watch(pace: () => { readonly allowed: number | null; readonly heldUntil: number }): void;
}

export interface GateOptions {
  readonly api: CallersApi;
  readonly clock: Clock;
  readonly halt: Halt;
  readonly emit: Emit;
  readonly aim: Aim;
  /** What of a message may be told of the run as a whole: nothing of the note. */
  readonly publicMessage: (message: string, note: NewMemory) => string;
  readonly concurrency: number;
  readonly rate: number | null;
  readonly giveUpAfterMs: number;
  /** Where other processes send for the same run. Default: none does. */
  readonly quota?: Quota | null;
  /** Where other processes write the same ledger: nothing is created while they may think that this one is dead. */
  readonly shared?: Pick<SharedLedger, 'isAlive' | 'untilAlive'> | null;
}

const MAX_REFUSALS_THAT_STOP = 16;

export function createGate(options: GateOptions): Gate {
  const { api, clock, halt, emit, giveUpAfterMs } = options;
  const shared = options.shared ?? null;
  const quota = options.quota ?? null;
  const pool = createPool(options.concurrency);
  // Not the pool's slots: in some of them a request waits for its turn.
  let underWay = 0;
  const pace = createPace({ rate: options.rate, refusalsThatStop: Math.min(options.concurrency, MAX_REFUSALS_THAT_STOP) });
  quota?.watch(() => ({ allowed: pace.ratePerSecond, heldUntil: pace.heldUntil }));
  const creates = openableBreaker('creating memories', options);
  const lists = openableBreaker('listing memories', options);
  const removes = openableBreaker('deleting memories', options);

  // One waiter sleeps, the others queue behind it: first come, first served, and one timer.
  let queue: Promise<unknown> = Promise.resolve();
  let queued = 0;
  const turn = (): Promise<PaceTicket | null> | PaceTicket | null => {
    if (halt.signal.aborted) return null;
    if (quota === null && queued === 0 && pace.delayMs(clock.now()) <= 0) return pace.left(clock.now());
    queued++;
    const mine = queue.then(async () => {
      for (;;) {
        const delay = pace.delayMs(clock.now());
        if (halt.signal.aborted) return null;
        if (delay <= 0) break;
        await clock.sleep(delay, halt.signal);
      }
      await quota?.turn(halt.signal);
      return halt.signal.aborted ? null : pace.left(clock.now());
    });
    queue = mine.finally(() => {
      queued--;
    });
    return mine;
  };

  const refused = (ticket: PaceTicket, retryAfterMs: number | null): void => {
    const now = clock.now();
    pace.refused(now, { ticket, retryAfterMs });
    emit({ type: 'rate_limited', waitMs: Math.max(retryAfterMs ?? 0, pace.delayMs(now)), ratePerSecond: pace.ratePerSecond });
    outOfPatience();
  };
  const delivered = ({ status, pacing }: Pick<CreateAnswer, 'status' | 'pacing'>): void => {
    if (status === null) return;
    pace.delivered(clock.now());
    pace.hinted(clock.now(), pacing);
  };
  const outOfPatience = (): boolean => {
    if (pace.refusedSince === null || clock.now() - pace.refusedSince < giveUpAfterMs) return false;
    halt.stop(
      new StoppedError(
        'rate_limited',
        `The API has answered nothing but 429 for ${Math.round(giveUpAfterMs / 1000)} s (--give-up-after). The same command goes on from here.`,
        true,
      ),
    );
    return true;
  };

  const exchange = async <A extends CreateAnswer | ListAnswer | RemoveAnswer>(
    breaker: Breaker,
    call: () => Promise<A>,
    heed: (answer: A, ticket: PaceTicket) => BreakerResult,
  ): Promise<A | null> => {
    const alive = breaker === creates ? shared : null;
    for (;;) {
      if (alive?.isAlive() === false) await alive.untilAlive(halt.signal);
      // Outside of the pool: creates that wait for the end of an outage must not keep lists out, nor the other way round.
      if (!breaker.ready) await breaker.untilReady();
      const answer = await pool.run(async (): Promise<A | null | typeof OUTAGE> => {
        // An outage may have begun while the request waited for its slot, or for its turn.
        if (!breaker.ready) return halt.signal.aborted ? null : OUTAGE;
        const turned = turn();
        const ticket = turned instanceof Promise ? await turned : turned;
        if (ticket === null) return null;
        if (alive?.isAlive() === false) return halt.signal.aborted ? null : OUTAGE;
        const pass = breaker.admit();
        if (pass === null) return OUTAGE;
        emit({ type: 'under_way', requests: ++underWay });
        let answer: A;
        try {
          answer = await call();
        } finally {
          emit({ type: 'under_way', requests: --underWay });
        }
        // Before the slot is given on: the next request already goes by what this answer says.
        breaker.answered(pass, heed(answer, ticket));
        return answer;
      });
      if (answer !== OUTAGE) return answer;
    }
  };

  return {
    create: (note, failedAlone) =>
      exchange(
        creates,
        () => api.create(note),
        (answer, ticket) => {
          const { verdict, status, durationMs } = answer;
          emit({ type: 'request', verb: 'create', status, sent: verdict.kind !== 'not_sent', durationMs });
          if (verdict.kind === 'rate_limited') refused(ticket, verdict.retryAfterMs);
          else delivered(answer);
          const shown = (message: string): string => options.publicMessage(message, note);
          options.aim.answered(verdict, shown);
          return createResult({ verdict, shown, contactId: note.contactId, failedAlone });
        },
      ),
    list: (contact) =>
      exchange(
        lists,
        () => api.list(contact),
        (answer, ticket) => {
          if (answer.kind === 'unlisted' && answer.isAsked === false) return listResult(answer, contact.contactId);
          emit({ type: 'request', verb: 'list', status: answer.status, sent: true, durationMs: answer.durationMs });
          if (answer.kind === 'rate_limited') refused(ticket, answer.retryAfterMs);
          else delivered(answer);
          if (answer.kind === 'unauthorized') options.aim.answered({ kind: 'unauthorized', message: answer.message }, (message) => message);
          return listResult(answer, contact.contactId);
        },
      ),
    remove: (memory) =>
      exchange(
        removes,
        () => api.remove(memory),
        (answer, ticket) => {
          emit({
            type: 'request',
            verb: 'delete',
            status: answer.status,
            sent: answer.kind !== 'failed' || answer.sent,
            durationMs: answer.durationMs,
          });
          if (answer.kind === 'rate_limited') refused(ticket, answer.retryAfterMs);
          else delivered(answer);
          if (answer.kind === 'unauthorized') options.aim.answered({ kind: 'unauthorized', message: answer.message }, (message) => message);
          if (answer.kind !== 'failed') return { kind: 'good' };
          return { kind: 'failed', contactId: memory.contactId, sent: answer.sent, failedAlone: false, message: answer.message };
        },
      ),
    creates,
    removes,
    lists: {
      // Where creates suffer from an outage, a list that fails at the same time isn't told apart from it.
      decide: async (time) => ((await creates.decide(time)) === 'outage' ? 'outage' : lists.decide(time)),
    },
    outOfPatience,
    get waiting() {
      return pool.waiting;
    },
  };
}

const OUTAGE = Symbol('outage');

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

function createResult(create: {
  readonly verdict: Verdict;
  readonly shown: (message: string) => string;
  readonly contactId: string;
  readonly failedAlone: boolean;
}): BreakerResult {
  const { verdict, shown, contactId, failedAlone } = create;
  switch (verdict.kind) {
    case 'created':
    case 'refused':
    case 'unauthorized':
    case 'rate_limited':
      return { kind: 'good' };
    case 'not_sent':
      return { kind: 'failed', contactId, sent: false, failedAlone, message: shown(verdict.message) };
    case 'doubt':
      return { kind: 'failed', contactId, sent: true, failedAlone, message: shown(verdict.message) };
    default:
      return assertNever(verdict);
  }
}

function listResult(answer: ListAnswer, contactId: string): BreakerResult {
  // A list without a status may have been refused the connection or cut off: one contact alone, whose list always breaks, is no outage.
  if (answer.kind === 'unlisted' && answer.outage)
    return { kind: 'failed', contactId, sent: true, failedAlone: false, message: answer.message };
  return { kind: 'good' };
}
