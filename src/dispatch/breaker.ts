import type { Clock } from '../model.js';

/**
 * Tells an outage from a row's bad luck, for one verb (creates, lists). While it is open the run waits and single requests probe;
 * no row pays for it with a retry.
 *
 * Open after three failures in a row before sending (nobody could be reached), or five failures of at least two contacts with no good
 * answer between them (5xx for everyone). Closed by the first good answer.
 */
export interface Breaker {
  /** Resolves when a request may leave; false where the run stops first. Each `true` is followed by one `answered`. */
  pass(): Promise<boolean>;
  answered(result: BreakerResult): void;
  /**
   * What a failure at `time` means, as soon as it can be known: `outage` if it belongs to one, `row` if others fared better or nobody else
   * is asking.
   */
  decide(time: number): Promise<'outage' | 'row'>;
}

export type BreakerResult =
  | { readonly kind: 'good' }
  | { readonly kind: 'failed'; readonly contactId: string; readonly sent: boolean; readonly message: string }
  /** It never left, for another reason. */
  | { readonly kind: 'unused' };

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

export function createBreaker(options: BreakerOptions): Breaker {
  const { clock, stopped } = options;
  let streak: { since: number; failures: number; unreachable: number; contacts: Set<string> } | null = null;
  let open: { since: number; until: AbortController; message: string; probeMs: number; nextProbeAt: number; probing: boolean } | null =
    null;
  const outages: { since: number; until: number }[] = [];
  let underWay = 0;
  let lastNews = clock.now();
  // Woken by whatever changes the answer to `pass` or `decide`.
  let waiters: (() => void)[] = [];

  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  };
  stopped.addEventListener('abort', wake, { once: true });

  const changed = async (atMostMs: number): Promise<void> => {
    const timer = new AbortController();
    await Promise.race([new Promise<void>((resolve) => waiters.push(resolve)), clock.sleep(atMostMs, timer.signal)]);
    timer.abort();
  };

  const failed = (now: number, result: Extract<BreakerResult, { kind: 'failed' }>): void => {
    streak ??= { since: now, failures: 0, unreachable: 0, contacts: new Set() };
    streak.failures++;
    if (!result.sent) streak.unreachable++;
    if (streak.contacts.size < CONTACTS_IN_A_ROW) streak.contacts.add(result.contactId);
    const unreachable = streak.unreachable >= UNREACHABLE_IN_A_ROW;
    const failsForAll = streak.failures >= FAILURES_IN_A_ROW && streak.contacts.size >= CONTACTS_IN_A_ROW;
    if (open !== null || !(unreachable || failsForAll)) return;
    const until = new AbortController();
    open = {
      since: streak.since,
      until,
      message: result.message,
      probeMs: FIRST_PROBE_MS,
      nextProbeAt: now + FIRST_PROBE_MS,
      probing: false,
    };
    options.onOpen(result.message);
    void giveUpLater(open.since, until.signal);
  };

  const giveUpLater = async (since: number, until: AbortSignal): Promise<void> => {
    await clock.sleep(Math.max(0, since + options.giveUpAfterMs - clock.now()), AbortSignal.any([until, stopped]));
    if (!until.aborted && !stopped.aborted) options.onGiveUp(open?.message ?? '');
  };

  const close = (now: number): void => {
    streak = null;
    if (open === null) return;
    outages.push({ since: open.since, until: now });
    if (outages.length > REMEMBERED_OUTAGES) outages.shift();
    open.until.abort();
    options.onClose(now - open.since);
    open = null;
  };

  const covers = (time: number): boolean =>
    (open !== null && time >= open.since) || outages.some(({ since, until }) => time >= since && time <= until);

  return {
    async pass() {
      while (open !== null && !stopped.aborted) {
        const now = clock.now();
        if (!open.probing && now >= open.nextProbeAt) {
          open.probing = true;
          break;
        }
        await changed(open.probing ? 1000 : open.nextProbeAt - now);
      }
      if (stopped.aborted) return false;
      underWay++;
      return true;
    },
    answered(result) {
      const now = clock.now();
      underWay--;
      if (result.kind !== 'unused') lastNews = now;
      if (result.kind === 'good') close(now);
      else if (result.kind === 'failed') failed(now, result);
      if (open?.probing) {
        open.probing = false;
        if (result.kind === 'failed') open.probeMs = Math.min(MAX_PROBE_MS, open.probeMs * 2);
        open.nextProbeAt = now + open.probeMs;
      }
      wake();
    },
    async decide(time) {
      for (;;) {
        if (covers(time)) return 'outage';
        if (streak === null || streak.since > time || stopped.aborted) return 'row';
        if (underWay === 0 && clock.now() - lastNews >= SILENCE_MS) return 'row';
        await changed(SILENCE_MS);
      }
    },
  };
}
