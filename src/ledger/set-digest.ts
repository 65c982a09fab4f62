/**
 * Tells whether two sets of pairs are the same, each read once and in its own order: the sum of a 64-bit hash of each member. Neither is
 * held in memory. Two sets that differ by accident have the same sum once in 2^64 times.
 */
export interface SetDigest {
  /** Both are integers from 0 to 2^53. */
  add(a: number, b: number): void;
  equals(other: SetDigest): boolean;
  readonly count: number;
  readonly sums: readonly [number, number];
}

export function createSetDigest(): SetDigest {
  let count = 0;
  let first = 0;
  let second = 0;
  return {
    add(a, b) {
      count++;
      first = (first + mixed(a, b, 0x9e3779b9)) >>> 0;
      second = (second + mixed(a, b, 0x7f4a7c15)) >>> 0;
    },
    equals: (other) => other.count === count && other.sums[0] === first && other.sums[1] === second,
    get count() {
      return count;
    },
    get sums() {
      return [first, second] as const;
    },
  };
}

const LOW = 0x100000000;

function mixed(a: number, b: number, seed: number): number {
  let hash = seed;
  for (const word of [a % LOW, a / LOW, b % LOW, b / LOW]) {
    // MurmurHash3's rounds.
    hash = Math.imul(hash ^ Math.imul(word | 0, 0xcc9e2d51), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
