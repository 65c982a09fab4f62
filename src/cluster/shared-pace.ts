import type { Quota } from '../dispatch/gate.js';
import type { Clock } from '../model.js';

/** What a worker tells of its pace, and asks for. */
export interface PaceNews {
  /** Requests a second that it could use of the run's `--rate`. */
  readonly wants: number;
  /** Requests a second that the API takes of this worker, as far as 429s have shown; null: they haven't. */
  readonly found: number | null;
  /** For so long it is to be left alone. */
  readonly holdMs: number;
}

/** What it is told. */
export interface PaceAnswer {
  /** Requests a second of the run's `--rate`, for `GRANT_MS` from when it asked. */
  readonly granted: number;
  /** What the API takes of each of the others, on an average; null: nobody knows. */
  readonly foundByOthers: number | null;
  readonly holdMs: number;
}

export interface SharedPaceOptions {
  /** The whole run's, requests a second; null: no bound of ours. */
  readonly rate: number | null;
  readonly exchange: (news: PaceNews) => Promise<PaceAnswer>;
  readonly clock: Clock;
}

/** So long a share of the run's rate is a worker's; asked for again well before. */
export const GRANT_MS = 1000;
const EXCHANGE_MS = 400;
/** Where all of it is the others' at the moment. */
const ASK_AGAIN_MS = 100;
/** What a late timer may catch up: above its rate a run is by no more than this. */
const CATCH_UP_MS = 250;
/** A worker that has found no limit by itself may be a little faster than those that have. */
const ABOVE_OTHERS = 1.1;
/** Somewhat more than it has used: it may be about to use more. */
const GROWTH = 1.3;
const LONGEST_NAP_MS = 200;

/** The pace of one worker among those of a run: a share of the run's rate, the API's limit as the others have found it, and its pauses. */
export function createSharedPace({ rate, exchange, clock }: SharedPaceOptions): Quota {
  let state = (): { readonly allowed: number | null; readonly heldUntil: number } => ({ allowed: null, heldUntil: 0 });
  let answer: PaceAnswer = { granted: 0, foundByOthers: null, holdMs: 0 };
  let askedAt = Number.NEGATIVE_INFINITY;
  let heldUntil = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;
  let used = 0;
  let hadToWait = false;
  let credit = 1;
  let countedAt = clock.now();

  const ask = (): Promise<void> => {
    asking ??= (async () => {
      const from = clock.now();
      const seconds = Math.min(10, Math.max(0.1, (from - askedAt) / 1000));
      const wants =
        rate === null ? 0 : hadToWait || !Number.isFinite(askedAt) ? rate : Math.min(rate, (GROWTH * used) / seconds + 1 / seconds);
      const { allowed, heldUntil: ownHold } = state();
      [used, hadToWait] = [0, false];
      try {
        answer = await exchange({ wants, found: allowed, holdMs: Math.max(0, ownHold - from) });
        askedAt = from;
        heldUntil = clock.now() + answer.holdMs;
      } finally {
        asking = null;
      }
    })();
    return asking;
  };

  /** Requests a second, from now on; Infinity: no bound. */
  const bound = (): number => {
    const share = rate === null ? Number.POSITIVE_INFINITY : answer.granted;
    const others = answer.foundByOthers;
    return others === null || state().allowed !== null ? share : Math.min(share, ABOVE_OTHERS * others);
  };

  const count = (now: number): void => {
    const perSecond = bound();
    credit = Number.isFinite(perSecond)
      ? Math.min(Math.max(1, (perSecond * CATCH_UP_MS) / 1000), credit + (perSecond * (now - countedAt)) / 1000)
      : 1;
    countedAt = now;
  };

  return {
    watch(pace) {
      state = pace;
    },
    async turn(stopped) {
      while (!stopped.aborted) {
        const now = clock.now();
        const isOver = rate !== null && now - askedAt >= GRANT_MS;
        if (isOver) {
          // What was granted is over: nothing is saved up meanwhile.
          countedAt = Math.max(countedAt, now);
          await ask();
          countedAt = clock.now();
        } else if (now - askedAt >= EXCHANGE_MS) void ask().catch(() => {}); // whoever needs the answer asks again, and is told
        const at = clock.now();
        if (heldUntil > at) {
          await clock.sleep(Math.min(heldUntil - at, LONGEST_NAP_MS), stopped);
          continue;
        }
        count(at);
        if (credit >= 1) {
          if (Number.isFinite(bound())) credit -= 1;
          used++;
          return;
        }
        hadToWait = true;
        const perSecond = bound();
        const napMs = perSecond === 0 ? ASK_AGAIN_MS : ((1 - credit) * 1000) / perSecond;
        await clock.sleep(Math.min(napMs, LONGEST_NAP_MS), stopped);
        if (perSecond === 0) await ask();
      }
    },
  };
}
