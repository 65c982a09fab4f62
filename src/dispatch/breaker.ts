import type { Clock } from '../model.js';

/**
 * Tells an outage from a row's bad luck, for one verb (creates, lists). While it is open the run waits and single requests probe;
 * no row pays for it with a retry.
 *
 * Open after three failures in a row before sending (nobody could be reached; fewer where nobody else is asking), or five failures of at
 * least two contacts with no good answer between them (5xx for everyone). Closed by the first good answer.
 */
export interface Breaker {
  /** False while an outage is on and no probe is due. */
  readonly ready: boolean;
  /** Resolves when it is `ready`, or the run stops. */
  untilReady(): Promise<void>;
  /** Asked just before a request leaves; null: not now. Each pass is followed by one `answered`. */
  admit(): Pass | null;
  answered(pass: Pass, result: BreakerResult): void;
  /** What a failure at `time` means, as soon as it can be known: it belongs to an outage, others fared better, or nobody else is asking. */
  decide(time: number): Promise<'outage' | 'row' | 'nobody_else'>;
}

export interface Pass {
  /** Counts the requests, from 1. */
  readonly number: number;
  readonly isProbe: boolean;
}

export type BreakerResult =
  | { readonly kind: 'good' }
  | {
      readonly kind: 'failed';
      readonly contactId: string;
      readonly sent: boolean;
      /** The same row has failed before where others fared better: its failing again says nothing of the others. */
      readonly failedAlone: boolean;
      readonly message: string;
    };

export interface BreakerOptions {
  readonly clock: Clock;
  readonly stopped: AbortSignal;
  readonly giveUpAfterMs: number;
  readonly onOpen: (message: string) => void;
  readonly onClose: (afterMs: number) => void;
  /** The outage lasts longer than the run's patience. */
  readonly onGiveUp: (message: string) => void;
}

const UNREACHABLE_IN_A_ROW = 3;
const FAILURES_IN_A_ROW = 5;
const CONTACTS_IN_A_ROW = 2;
const FIRST_PROBE_MS = 250;
const MAX_PROBE_MS = 15_000;
/** With nothing under way and no news for so long, a failure is the row's own. */
const SILENCE_MS = 250;
const REMEMBERED_OUTAGES = 100;
/** Given, since without a reason each abort makes an error with its stack. */
const WOKEN = 'woken';

export function createBreaker(options: BreakerOptions): Breaker {
  const { clock, stopped } = options;
  let streak: { since: number; lastBefore: number; failures: number; unreachable: number; contacts: Set<string>; message: string } | null =
    null;
  let open: { since: number; until: AbortController; message: string; probeMs: number; nextProbeAt: number; probing: boolean } | null =
    null;
  const outages: { since: number; until: number }[] = [];
  let underWay = 0;
  let admitted = 0;
  let lastNews = clock.now();
  /** What all who wait now wait for, with one timer: hundreds may wait while thousands are answered. */
  let news: { readonly come: Promise<void>; readonly tell: () => void; readonly timer: AbortController; dueAt: number } | null = null;

  /** For whatever changes the answer of `ready` or `decide`. Once too often does no harm. */
  const wake = (): void => {
    const told = news;
    news = null;
    told?.timer.abort(WOKEN);
    told?.tell();
  };
  stopped.addEventListener('abort', wake, { once: true });

  const changed = (atMostMs: number): Promise<void> => {
    const dueAt = clock.now() + atMostMs;
    if (news === null) {
      let tell = (): void => {};
      const come = new Promise<void>((resolve) => {
        tell = resolve;
      });
      news = { come, tell, timer: new AbortController(), dueAt: Number.POSITIVE_INFINITY };
    }
    const { come, timer } = news;
    if (dueAt < news.dueAt) {
      news.dueAt = dueAt;
      void clock.sleep(atMostMs, timer.signal).then(() => {
        if (news?.timer === timer) wake();
      });
    }
    return come;
  };

  const failed = (now: number, result: Extract<BreakerResult, { kind: 'failed' }>): void => {
    if (result.sent && result.failedAlone) return;
    streak ??= { since: now, lastBefore: admitted, failures: 0, unreachable: 0, contacts: new Set(), message: '' };
    streak.failures++;
    streak.message = result.message;
    if (!result.sent) streak.unreachable++;
    if (streak.contacts.size < CONTACTS_IN_A_ROW) streak.contacts.add(result.contactId);
    const unreachable = streak.unreachable >= UNREACHABLE_IN_A_ROW;
    const failsForAll = streak.failures >= FAILURES_IN_A_ROW && streak.contacts.size >= CONTACTS_IN_A_ROW;
    if (unreachable || failsForAll) openSince(streak.since, streak.message);
  };

  /**
   * A good answer to a request that left before the first failure says that the failures weren't in a row, and nothing of what came after
   * them: what failed isn't yet known to be its own fault.
   */
  const forgive = (): void => {
    if (streak === null || open !== null) return;
    [streak.failures, streak.unreachable] = [0, 0];
    streak.contacts.clear();
  };

  const openSince = (since: number, message: string): void => {
    if (open !== null) return;
    const until = new AbortController();
    open = { since, until, message, probeMs: FIRST_PROBE_MS, nextProbeAt: clock.now() + FIRST_PROBE_MS, probing: false };
    wake();
    options.onOpen(message);
    void giveUpLater(since, until.signal);
  };

  const giveUpLater = async (since: number, until: AbortSignal): Promise<void> => {
    await clock.sleep(Math.max(0, since + options.giveUpAfterMs - clock.now()), AbortSignal.any([until, stopped]));
    if (!until.aborted && !stopped.aborted) options.onGiveUp(open?.message ?? '');
  };

  const close = (now: number): void => {
    if (streak === null && open === null) return;
    streak = null;
    wake();
    if (open === null) return;
    outages.push({ since: open.since, until: now });
    if (outages.length > REMEMBERED_OUTAGES) outages.shift();
    open.until.abort();
    options.onClose(now - open.since);
    open = null;
  };

  const covers = (time: number): boolean =>
    (open !== null && time >= open.since) || outages.some(({ since, until }) => time >= since && time <= until);

  const isReady = (): boolean => open === null || (!open.probing && clock.now() >= open.nextProbeAt);

  return {
    get ready() {
      return isReady();
    },
    async untilReady() {
      while (open !== null && !isReady() && !stopped.aborted) await changed(open.probing ? 1000 : open.nextProbeAt - clock.now());
    },
    admit() {
      if (!isReady()) return null;
      underWay++;
      admitted++;
      if (open === null) return { number: admitted, isProbe: false };
      open.probing = true;
      return { number: admitted, isProbe: true };
    },
    answered(pass, result) {
      const now = clock.now();
      underWay--;
      lastNews = now;
      if (result.kind === 'failed') failed(now, result);
      else if (streak === null || pass.number > streak.lastBefore) close(now);
      else forgive();
      // What left before the outage was noticed is no probe: until the one that is has its answer, no other leaves.
      if (pass.isProbe && open !== null) {
        open.probing = false;
        open.probeMs = Math.min(MAX_PROBE_MS, open.probeMs * 2);
        open.nextProbeAt = now + open.probeMs;
        wake();
      }
      // The silence begins.
      if (underWay === 0) wake();
    },
    async decide(time) {
      for (;;) {
        if (covers(time)) return 'outage';
        if (streak === null || streak.since > time || stopped.aborted) return 'row';
        if (underWay === 0 && clock.now() - lastNews >= SILENCE_MS) {
          // Not reaching the API can't be the row's fault, and nobody else is there to say so.
          if (streak.failures === 0 || streak.unreachable < streak.failures) return 'nobody_else';
          openSince(streak.since, streak.message);
          return 'outage';
        }
        await changed(SILENCE_MS);
      }
    },
  };
}
