import { spawnSync } from 'node:child_process';
import type { Command, Spent } from '../measure.js';

/** What a contender is asked to do: create the notes of `csv`, of which there are `rows`. */
export interface Job {
  readonly rows: number;
  readonly csv: string;
  readonly url: string;
  readonly connections: number;
  /** Empty, this job's alone: also for what is made beforehand. */
  readonly scratch: string;
}

/** One way of getting notes into the API. */
export interface Contender {
  readonly name: string;
  /** What it is and does, in a line for the results. */
  readonly what: string;
  /** Of the rows that the import gets, this one gets so many: slow ones fewer, since only rates are compared. */
  readonly share: number;
  /** Its sending of each row exactly once is checked. */
  readonly exact: boolean;
  /** null: it can take part; otherwise why not, and what would help. */
  missing(): string | null;
  /** Prepares what isn't counted, and says what to run. */
  command(job: Job): Promise<Command>;
  /** What it did, where that is not simply all rows in the time and CPU of its process. */
  read?(spent: Spent, job: Job): Work;
}

export interface Work {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Whether a program is there and ends well with arguments under which it does nothing. */
export function canRun(file: string, args: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

/** Whether a program of this name is in the path. */
export function isInstalled(name: string): boolean {
  return canRun('/bin/sh', ['-c', `command -v ${name}`]);
}
