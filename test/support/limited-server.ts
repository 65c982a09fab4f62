import type { Pace } from '../../src/dispatch/pacing.js';
import { seededRandom } from '../../src/sandbox/faults.js';

// Servers with limits of their own, and clients that always have a next row: seconds of them in microseconds, without a clock or a socket.

/** Whether a request that arrives now (ms since the start) is let through. */
export type Limit = (now: number) => boolean;

export interface SimulatedClient {
  readonly pace: Pace;
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly latencyMs: number;
  readonly startsAtMs?: number;
}

/** What became of a client's requests: the moments at which the server let them through, or refused them. */
export interface Traffic {
  readonly accepted: readonly number[];
  readonly refused: readonly number[];
}

/** Each row that is refused waits for what `retryAfterMs` says, or up to a second, and asks again, as `deliver` does it. */
export function simulateTraffic(situation: {
  readonly clients: readonly SimulatedClient[];
  readonly limit: Limit;
  readonly seconds: number;
  readonly seed?: number;
  readonly retryAfterMs?: (now: number, random: () => number) => number | null;
}): readonly Traffic[] {
  const { clients, limit, seconds, retryAfterMs = () => null } = situation;
  const random = seededRandom(situation.seed ?? 1);
  const agenda = createAgenda();
  const traffic = clients.map((client) => serve(client));
  agenda.run(seconds * 1000);
  return traffic;

  function serve({ pace, concurrency, latencyMs, startsAtMs = 0 }: SimulatedClient): Traffic {
    const accepted: number[] = [];
    const refused: number[] = [];
    let slots = concurrency;
    let waiting = concurrency * 4;
    let wakesAt: number | null = null;
    const send = (): void => {
      while (slots > 0 && waiting > 0) {
        const now = agenda.now();
        const delay = pace.delayMs(now);
        if (delay > 0) {
          if (wakesAt !== null && wakesAt <= now + delay) return;
          const mine = now + Math.max(delay, 0.001); // less may be nothing, beside a large number
          wakesAt = mine;
          agenda.at(mine, () => {
            if (wakesAt === mine) wakesAt = null;
            send();
          });
          return;
        }
        slots--;
        waiting--;
        const ticket = pace.left(now);
        const halfWay = (latencyMs * (0.8 + 0.4 * random())) / 2;
        agenda.at(now + halfWay, () => {
          const isAccepted = limit(agenda.now());
          (isAccepted ? accepted : refused).push(agenda.now());
          agenda.at(agenda.now() + halfWay, () => answered(isAccepted, ticket));
        });
      }
    };
    const answered = (isAccepted: boolean, ticket: number): void => {
      const now = agenda.now();
      slots++;
      if (isAccepted) {
        pace.delivered(now);
        waiting++;
      } else {
        const asked = retryAfterMs(now, random);
        pace.refused(now, { ticket, retryAfterMs: asked });
        agenda.at(now + (asked ?? random() * 1000), () => {
          waiting++;
          send();
        });
      }
      send();
    };
    agenda.at(startsAtMs, send);
    return { accepted, refused };
  }
}

/** @returns accepted a second, and the share of 429s, between two moments in seconds */
export function between(
  { accepted, refused }: Traffic,
  from: number,
  to: number,
): { readonly perSecond: number; readonly refusedShare: number } {
  const count = (times: readonly number[]) => times.filter((at) => at >= from * 1000 && at < to * 1000).length;
  const good = count(accepted);
  const bad = count(refused);
  return { perSecond: good / (to - from), refusedShare: good + bad === 0 ? 0 : bad / (good + bad) };
}

type PerSecond = number | ((now: number) => number);

export function tokenBucket(perSecond: PerSecond, burstSeconds = 1): Limit {
  const burst = at(perSecond, 0) * burstSeconds;
  let tokens = burst;
  let last = 0;
  return (now) => {
    tokens = Math.min(burst, tokens + ((now - last) * at(perSecond, now)) / 1000);
    last = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

/** So many in each window, counted from its start. */
export function fixedWindow(perSecond: PerSecond, windowMs = 1000): Limit {
  let current = -1;
  let used = 0;
  return (now) => {
    const window = Math.floor(now / windowMs);
    if (window !== current) {
      current = window;
      used = 0;
    }
    if (used >= (at(perSecond, now) * windowMs) / 1000) return false;
    used++;
    return true;
  };
}

/** So many in any second. */
export function slidingWindow(perSecond: PerSecond): Limit {
  const times: number[] = [];
  let head = 0;
  return (now) => {
    while (head < times.length && times[head]! <= now - 1000) head++;
    if (times.length - head >= at(perSecond, now)) return false;
    times.push(now);
    return true;
  };
}

/** No limit: a share is refused whatever the pace. */
export function byChance(share: number, seed = 7): Limit {
  const random = seededRandom(seed);
  return () => random() >= share;
}

function at(perSecond: PerSecond, now: number): number {
  return typeof perSecond === 'number' ? perSecond : perSecond(now);
}

/** What is due, in order of time; a binary heap. */
function createAgenda() {
  type Entry = { readonly at: number; readonly order: number; readonly act: () => void };
  const entries: Entry[] = [];
  let now = 0;
  let order = 0;
  const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);
  const swap = (i: number, j: number): void => {
    [entries[i], entries[j]] = [entries[j]!, entries[i]!];
  };
  const next = (): Entry => {
    const top = entries[0]!;
    const last = entries.pop()!;
    if (entries.length === 0) return top;
    entries[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < entries.length && isBefore(entries[child]!, entries[least]!)) least = child;
      if (least === i) return top;
      swap(i, least);
      i = least;
    }
  };
  return {
    now: () => now,
    at(time: number, act: () => void): void {
      entries.push({ at: time, order: order++, act });
      for (let i = entries.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!isBefore(entries[i]!, entries[parent]!)) break;
        swap(i, parent);
        i = parent;
      }
    },
    run(untilMs: number): void {
      while (entries.length > 0 && entries[0]!.at <= untilMs) {
        const { at: time, act } = next();
        now = time;
        act();
      }
    },
  };
}
