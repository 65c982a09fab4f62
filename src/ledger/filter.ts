/**
 * A Bloom filter over fingerprints that grows by segments: "surely unknown" is answered from memory, so that a new note costs no disk read.
 * 10 bits a note, 7 probes: one unknown note in a hundred is asked of the disk for nothing.
 */
export interface Filter {
  /** @param fingerprint hex, uniformly distributed (it is a hash): its own digits are the probes */
  add(fingerprint: string): void;
  mayHave(fingerprint: string): boolean;
  /** Segments that are full never change again and needn't be saved twice. */
  readonly segments: readonly FilterSegment[];
}

export interface FilterSegment {
  readonly capacity: number;
  readonly bits: Uint8Array;
  readonly count: number;
}

const BITS_PER_NOTE = 10;
const PROBES = 7;
const FIRST_CAPACITY = 1 << 16;

export function createFilter(saved: readonly FilterSegment[] = []): Filter {
  const segments: { capacity: number; bits: Uint8Array; count: number }[] = saved.map((segment) => ({ ...segment }));

  return {
    segments,
    add(fingerprint) {
      let last = segments.at(-1);
      if (last === undefined || last.count >= last.capacity) {
        last = emptySegment(last === undefined ? FIRST_CAPACITY : last.capacity * 2);
        segments.push(last);
      }
      const { bits } = last;
      const size = bits.length * 8;
      const step = secondHash(fingerprint);
      let probe = firstHash(fingerprint);
      for (let i = 0; i < PROBES; i++) {
        const at = probe % size;
        bits[at >>> 3]! |= 1 << (at & 7);
        probe += step;
      }
      last.count++;
    },
    mayHave(fingerprint) {
      const first = firstHash(fingerprint);
      const step = secondHash(fingerprint);
      // The newest segment is the largest: look there first.
      for (let i = segments.length - 1; i >= 0; i--) if (hasAll(segments[i]!.bits, first, step)) return true;
      return false;
    },
  };
}

function hasAll(bits: Uint8Array, first: number, step: number): boolean {
  const size = bits.length * 8;
  let probe = first;
  for (let i = 0; i < PROBES; i++) {
    const at = probe % size;
    if ((bits[at >>> 3]! & (1 << (at & 7))) === 0) return false;
    probe += step;
  }
  return true;
}

function emptySegment(capacity: number) {
  return { capacity, bits: new Uint8Array(Math.ceil((capacity * BITS_PER_NOTE) / 8)), count: 0 };
}

// 44 bits each, from digits that the index on disk doesn't use as its key. Sums of seven stay exact integers.
function firstHash(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(16, 27), 16);
}

function secondHash(fingerprint: string): number {
  return Number.parseInt(fingerprint.slice(27, 38), 16) + 1;
}
