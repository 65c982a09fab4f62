import type { Reply } from './reply.js';
import { htmlReply, jsonReply } from './reply.js';

/** Before: nothing is done, and this is the answer. `-after`: the memory is created (or deleted), and the answer is lost this way. */
export const FAULT_KINDS = [
  '429',
  '500',
  '502',
  '503',
  'reset',
  'hang',
  '500-after',
  '502-after',
  '503-after',
  'reset-after',
  'hang-after',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Draws the fault, if any, of each request. */
export interface FaultDice {
  /** null: this request is served honestly. `-after` kinds fall only on what changes something: a create, a delete. */
  roll(changesSomething: boolean): FaultKind | null;
  /** From now on these; the random numbers go on where they are. */
  load(faults: Partial<Record<FaultKind, number>>): void;
}

/**
 * One random number a request decides whether a fault falls and which.
 * @throws RangeError for a kind that isn't one, a probability outside 0..1, or a sum over 1.
 */
export function faultDice(random: () => number, faults: Partial<Record<FaultKind, number>>): FaultDice {
  let thresholds = cumulated(faults);
  return {
    roll(changesSomething) {
      if (thresholds.length === 0) return null;
      const drawn = random();
      const fault = thresholds.find(({ below }) => drawn < below);
      if (fault === undefined || (fault.kind.endsWith('-after') && !changesSomething)) return null;
      return fault.kind;
    },
    load(changed) {
      thresholds = cumulated(changed);
    },
  };
}

/** What a client gets of a fault. `-after` loses the answer just as its plain kind refuses it. */
export function faultReply(kind: FaultKind, random: () => number): Reply {
  switch (kind) {
    case '429':
      // Half of the APIs say how long to wait, half leave it to the client.
      return jsonReply(429, { status: 'error', message: 'Too many requests' }, random() < 0.5 ? { 'retry-after': '1' } : {});
    case '500':
    case '500-after':
      return jsonReply(500, { status: 'error', message: 'Internal server error' });
    case '502':
    case '502-after':
      return htmlReply(502, 'Bad Gateway');
    case '503':
    case '503-after':
      return htmlReply(503, 'Service Unavailable');
    case 'reset':
    case 'reset-after':
      return { kind: 'reset' };
    case 'hang':
    case 'hang-after':
      return { kind: 'hang' };
  }
}

/** mulberry32: 32 bits of state, good enough to scatter faults. Gives 0 ≤ x < 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function cumulated(faults: Partial<Record<FaultKind, number>>): readonly { kind: FaultKind; below: number }[] {
  let below = 0;
  const thresholds: { kind: FaultKind; below: number }[] = [];
  for (const [name, probability] of Object.entries(faults)) {
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined) throw new RangeError(`expected a fault of ${FAULT_KINDS.join(', ')}; found ${name}`);
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`expected a probability from 0 to 1 for fault ${kind}; found ${probability}`);
    below += probability;
    if (probability > 0) thresholds.push({ kind, below });
  }
  // A little slack for sums such as ten times 0.1.
  if (below > 1 + 1e-9) throw new RangeError(`expected fault probabilities that sum up to at most 1; found ${below}`);
  return thresholds;
}
