import { hash } from 'node:crypto';
import { createDistinctSet } from '../../src/distinct-set.js';

/** What the stub saw since its last reset. */
export interface StubStats {
  /** Memories created. */
  readonly created: number;
  /** Of these, how many differ in contact or body. */
  readonly distinct: number;
  readonly duplicates: number;
  /** Every request but the admin's own. */
  readonly requests: number;
  readonly lists: number;
  /** Answers by status; `0` are requests that were given none. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** For each second since the first create: memories created, and 429s. */
  readonly createdEachSecond: readonly number[];
  readonly refusedEachSecond: readonly number[];
  /** Of the stub's process, user and system. */
  readonly cpuSeconds: number;
}

export interface Counters {
  created(contact: string, body: string, now: number): void;
  listed(): void;
  /** `status` 0: no answer. */
  answered(status: number, now: number): void;
  stats(): StubStats;
}

export function createCounters(): Counters {
  const distinct = createDistinctSet();
  const byStatus = new Map<number, number>();
  const createdEachSecond: number[] = [];
  const refusedEachSecond: number[] = [];
  const cpuBefore = process.cpuUsage();
  let created = 0;
  let requests = 0;
  let lists = 0;
  let firstAt: number | null = null;

  const count = (seconds: number[], now: number): void => {
    firstAt ??= now;
    const second = Math.floor((now - firstAt) / 1000);
    while (seconds.length <= second) seconds.push(0);
    seconds[second]! += 1;
  };

  return {
    created(contact, body, now) {
      created++;
      distinct.add(hash('sha1', `${contact}\0${body}`, 'hex'));
      count(createdEachSecond, now);
    },
    listed() {
      lists++;
    },
    answered(status, now) {
      requests++;
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      if (status === 429) count(refusedEachSecond, now);
    },
    stats() {
      const { user, system } = process.cpuUsage(cpuBefore);
      return {
        created,
        distinct: distinct.size,
        duplicates: created - distinct.size,
        requests,
        lists,
        byStatus: Object.fromEntries(byStatus),
        createdEachSecond,
        refusedEachSecond,
        cpuSeconds: (user + system) / 1e6,
      };
    },
  };
}
