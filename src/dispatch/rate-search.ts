import { createEventRate } from './event-rate.js';

/**
 * Finds a rate limit that nobody told us: a pure controller over events, all times in milliseconds of one clock.
 *
 * When 429s start, what still comes through *is* the limit. So the first refusal starts a measurement, from one moment at which refusals
 * give way to successes to another such moment a second or more later (the borders of a server's window, where it has any): the pace then
 * goes just under what was accepted. From there it looks upwards, first hardly, then in growing steps, and the longer it waits before it
 * looks again, the more often the same limit was found.
 *
 * The steps grow with the root of the pace: of two imports that share a limit, the slower one catches up.
 */
export interface RateSearch {
  /** Requests a second; null: no limit was met. */
  readonly allowed: number | null;
  /** Changes when the pace is lowered: the answer to a request that left before says nothing of the new pace. */
  readonly epoch: number;
  /** An answer other than 429 to a request of this epoch. */
  accepted(now: number): void;
  refused(now: number, epoch: number): void;
}

/** Without a known limit, so large a share of refusals slows nobody: some servers refuse a request now and then, at any pace. */
const FREE_NOISE = 0.02;
/** At a known limit. */
const PACED_NOISE = 0.005;
/** Unlimited, the first refusals are followed for so long before they count: is it most requests that fail, or a few? */
const SUSPICION_MS = 150;
const SUSPECT_FOR_MS = 3000;
/** Nothing of a measurement counts before: what left earlier is still coming back. */
const SETTLE_MS = 200;
/** A period of most servers, with room for jitter. */
const MEASURE_MS = 950;
const ENOUGH_ACCEPTED = 30;
/** So long without a refusal: this pace is below the limit. */
const QUIET_MS = 2500;
const LONGEST_MEASURE_MS = 8000;

const BACK_TO = 0.95;
const JUST_UNDER = 0.99;
const RECOVER_MS = 4000;
const PATIENCE_MS = 8000;
const FIRST_LOOK_MS = 1000;
const LONGEST_PATIENCE_MS = 60_000;
/** The same limit was found again, if it is so near the last. */
const SAME = 0.04;
/** A refusal or two for each look upwards: enough requests in between make them few. */
const ACCEPTED_BETWEEN_LOOKS = 300;
const STEP_MS = 1000;
const STEP = 0.1;
const LARGEST_STEP = 0.25;
const LOWEST_RATE = 0.2;
/** A pace that isn't used can't be raised by what comes through, and far above what is used it holds nobody. */
const USED = 0.7;
const LIFT_ABOVE = 4;

/** Refusals that a slower pace doesn't make fewer come by chance: so much slower, and counted once what the faster one has used up is there again. */
const TRIAL_PACE = 0.7;
const TRIAL_SETTLES_MS = 1000;
const LONGEST_TRIAL_MS = 12_000;
/** So many refusals would be expected by chance before the trial is believed; fewer where none came, or enough did. */
const TRIAL_EXPECTS = 9;
const TRIAL_EXPECTS_AT_LEAST = 4;
const ENOUGH_REFUSED = 4;
/** A limit that is found lower each time, down to this part of what it was, is tried again. */
const LARGEST_FALL = 0.75;

/** Measurements in a row that lowered the pace without lowering the share of refusals: they don't come from the pace. */
const PROOF_OF_CHANCE = 4;
const LARGEST_CHANCE = 0.3;

interface Measurement {
  readonly startedAt: number;
  /** The pace before it; null: none. */
  readonly paceBefore: number | null;
  /** The first moment at which refusals gave way to a success. */
  countsFrom: number | null;
  accepted: number;
  refused: number;
  lastWasRefused: boolean;
}

/** Is it the pace? `rate` and `share` of refusals were measured at a faster one. */
interface Trial {
  readonly rate: number;
  readonly share: number;
  readonly countsFrom: number;
  accepted: number;
  refused: number;
}

export function createRateSearch(): RateSearch {
  const accepted = createEventRate();
  const refused = createEventRate();
  let allowed: number | null = null;
  let epoch = 0;
  let measurement: Measurement | null = null;
  let trial: Trial | null = null;
  /** A trial has shown that refusals come from the pace. */
  let isTried = false;
  /** The ceiling from which one lower than the other was found. */
  let fallsFrom = 0;
  /** What was accepted when it was last measured. */
  let ceiling: number | null = null;
  let loweredAt = 0;
  let acceptedSince = 0;
  let patienceMs = PATIENCE_MS;
  let isLookingUp = false;
  let step = 0;
  let steppedAt = 0;
  let lastAccepted = Number.NEGATIVE_INFINITY;
  let suspectedAt = Number.NEGATIVE_INFINITY;
  /** The share of refusals that no pace avoids. */
  let chance = 0;
  let chain: { readonly first: number; readonly last: number; readonly share: number; readonly length: number } | null = null;

  const set = (rate: number): void => {
    allowed = Math.max(LOWEST_RATE, rate);
  };
  /** The exponent at which a step is this share of the pace. */
  const stepOf = (share: number): number => Math.max(0, Math.log2((share / STEP) * Math.sqrt(allowed ?? 1)));

  const isNoise = (now: number): boolean => {
    const bad = refused.count(now, 1000);
    const all = bad + accepted.count(now, 1000);
    const expected = Math.max(chance, allowed === null ? FREE_NOISE : 0) * all;
    if (bad <= expected + 2 * Math.sqrt(expected)) return true;
    return (allowed === null || chance > 0) && bad < 3 && bad < all / 2;
  };

  const measure = (now: number): void => {
    measurement = { startedAt: now, paceBefore: allowed, countsFrom: null, accepted: 0, refused: 0, lastWasRefused: false };
    epoch++;
    if (allowed === null) {
      const good = accepted.count(now, 100);
      const bad = refused.count(now, 100);
      // Most come through: measured at the speed of now. Hardly any: a second's worth was what came through before, however fast that was.
      const rate = bad < good ? (good + bad) * 10 : accepted.count(now, 1000);
      if (rate > 0) set(rate);
    } else if (ceiling !== null && allowed > 1.05 * ceiling) {
      // Had the limit been where it was, the search went far over it: asked again nearer to it.
      set(Math.max(1.05 * ceiling, 0.8 * allowed));
    }
  };

  const isByChance = (rate: number, share: number, now: number): boolean => {
    const goesOn =
      chain !== null &&
      allowed !== null &&
      now - loweredAt < 6000 &&
      allowed < 0.97 * chain.last &&
      share > chain.share / 2.5 &&
      share < chain.share * 2.5;
    chain = goesOn && chain !== null ? { ...chain, last: rate, length: chain.length + 1 } : { first: rate, last: rate, share, length: 1 };
    return share < LARGEST_CHANCE && chain.length >= PROOF_OF_CHANCE && rate < 0.85 * chain.first;
  };

  /** The pace was above the limit while it was measured. */
  const lower = (now: number, { countsFrom, accepted: good, refused: bad, paceBefore }: Measurement): void => {
    const share = bad / (good + bad);
    const rate = (good * 1000) / (now - (countsFrom ?? now));
    measurement = null;
    epoch++;
    if (isByChance(rate, share, now)) {
      blameChance(share);
      return;
    }
    if (ceiling === null || rate > 0.99 * ceiling) fallsFrom = rate;
    if ((!isTried || rate < LARGEST_FALL * fallsFrom) && share < LARGEST_CHANCE) {
      fallsFrom = rate;
      trial = { rate, share, countsFrom: now + TRIAL_SETTLES_MS, accepted: 0, refused: 0 };
      set(rate * TRIAL_PACE);
      return;
    }
    isTried = true;
    goUnder(rate, now, paceBefore === null);
  };

  const blameChance = (share: number): void => {
    chance = 2 * share;
    isTried = false;
    allowed = null;
    ceiling = null;
    chain = null;
  };

  /** The limit is `rate`. @param isRough it may be much higher */
  const goUnder = (rate: number, now: number, isRough: boolean): void => {
    patienceMs = ceiling !== null && Math.abs(rate / ceiling - 1) < SAME ? Math.min(LONGEST_PATIENCE_MS, patienceMs * 2) : PATIENCE_MS;
    ceiling = rate;
    loweredAt = now;
    acceptedSince = 0;
    set(rate * BACK_TO);
    // The first measurement comes after a rush, while many rows wait for their second try: it may be much too low.
    isLookingUp = isRough;
    steppedAt = now + (isLookingUp ? FIRST_LOOK_MS : 0);
    step = isLookingUp ? stepOf(0.02) : 0;
  };

  const judgeTrial = (now: number, running: Trial, isAccepted: boolean): void => {
    if (now < running.countsFrom) return;
    if (isAccepted) running.accepted++;
    else running.refused++;
    const all = running.accepted + running.refused;
    const expected = all * running.share;
    const isClear = (running.refused === 0 && expected >= TRIAL_EXPECTS_AT_LEAST) || running.refused >= ENOUGH_REFUSED;
    if (!isClear && expected < TRIAL_EXPECTS && now - running.countsFrom < LONGEST_TRIAL_MS) return;
    trial = null;
    epoch++;
    isTried = running.refused < 2 || running.refused < expected / 5;
    if (isTried) goUnder(running.rate, now, true);
    else blameChance(running.share);
  };

  /** It wasn't: the refusals had left before, or came by chance. */
  const goOn = (now: number): void => {
    measurement = null;
    ceiling = Math.max(ceiling ?? 0, allowed ?? 0);
    isLookingUp = true;
    steppedAt = now;
    step = stepOf(0.02);
  };

  const count = (now: number, running: Measurement, isAccepted: boolean): void => {
    const turned = isAccepted && running.lastWasRefused;
    if (running.countsFrom === null) {
      if (turned && now - running.startedAt >= SETTLE_MS) {
        running.countsFrom = now;
        running.accepted = 1;
      } else if (isAccepted && now - running.startedAt > QUIET_MS && now - lastAccepted < 1200) goOn(now);
      running.lastWasRefused = !isAccepted && now - running.startedAt >= SETTLE_MS / 2;
      return;
    }
    const elapsed = now - running.countsFrom;
    const isEnough =
      elapsed >= MEASURE_MS && (running.accepted >= ENOUGH_ACCEPTED || (elapsed >= 2900 && running.accepted >= 10) || elapsed >= 4900);
    if (turned && isEnough) {
      lower(now, running);
      return;
    }
    if (isAccepted) running.accepted++;
    else running.refused++;
    running.lastWasRefused = !isAccepted;
    const isQuiet = isAccepted && elapsed >= QUIET_MS && running.refused === 0;
    if (!isQuiet && elapsed < LONGEST_MEASURE_MS) return;
    if (running.refused / (running.accepted + running.refused) < Math.max(PACED_NOISE, chance)) goOn(now);
    else lower(now, running);
  };

  const raise = (now: number): void => {
    if (allowed === null || ceiling === null) return;
    const elapsed = now - loweredAt;
    if (!isLookingUp) {
      if (elapsed < RECOVER_MS) {
        set(ceiling * (BACK_TO + ((JUST_UNDER - BACK_TO) * elapsed) / RECOVER_MS));
        return;
      }
      if (elapsed < patienceMs || acceptedSince < Math.min(ACCEPTED_BETWEEN_LOOKS, 40 * allowed)) return;
      isLookingUp = true;
      chain = null;
    }
    if (now - steppedAt < STEP_MS) return;
    steppedAt = now;
    const used = accepted.perSecond(now);
    if (used < USED * allowed) {
      if (allowed > LIFT_ABOVE * Math.max(1, used)) {
        allowed = null;
        ceiling = null;
      }
      return;
    }
    set(allowed + STEP * Math.sqrt(allowed) * 2 ** step);
    step = Math.min(step + 1, stepOf(LARGEST_STEP));
  };

  return {
    get allowed() {
      return allowed;
    },
    get epoch() {
      return epoch;
    },
    accepted(now) {
      accepted.add(now);
      acceptedSince++;
      if (trial !== null) judgeTrial(now, trial, true);
      else if (measurement !== null) count(now, measurement, true);
      else raise(now);
      lastAccepted = now;
    },
    refused(now, sentIn) {
      refused.add(now);
      if (sentIn !== epoch) return;
      if (trial !== null) judgeTrial(now, trial, false);
      else if (measurement !== null) count(now, measurement, false);
      else if (isNoise(now)) return;
      else if (allowed !== null || refused.count(now, 1000) > Math.max(8, accepted.count(now, 1000))) measure(now);
      else if (now - suspectedAt > SUSPECT_FOR_MS) suspectedAt = now;
      else if (now - suspectedAt >= SUSPICION_MS) measure(now);
    },
  };
}
