import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Work } from './contenders/contender.js';
import { csvOf } from './inputs.js';
import { measure } from './measure.js';
import type { Line } from './results.js';
import { ratioByRound, spreadOf } from './statistics.js';
import type { StubOptions } from './stub/behaviour.js';
import type { StubStats } from './stub/counters.js';
import type { Stub } from './stub-process.js';

/** What every scenario gets. */
export interface Lab {
  readonly stub: Stub;
  readonly work: string;
  readonly rounds: number;
  readonly rows: number;
  readonly quick: boolean;
  /** Progress, for whoever waits. */
  readonly say: (line: string) => void;
}

export interface Entrant {
  readonly contender: Contender;
  /** Default: from the contender's share. */
  readonly rows?: number;
  /** The file it reads. Default: the cached one of that many rows. */
  readonly csv?: (round: number) => Promise<string>;
  /** How many memories it must create. Default: as many as it has rows. */
  readonly creates?: number;
}

export interface Heat {
  readonly entrants: readonly Entrant[];
  readonly connections: number;
  readonly stub?: Partial<StubOptions>;
  /** Default: the lab's. */
  readonly rounds?: number;
}

export interface Sample extends Work {
  readonly peakMb: number;
  readonly stub: StubStats;
  readonly stdout: string;
}

export interface Outcome {
  /** Of each contender, by name, in the order of the rounds. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly problems: readonly string[];
  readonly skipped: readonly string[];
}

/** Rows below which a rate says nothing. */
const FEWEST_ROWS = 100;

/** Interleaved: A B C, A B C, … so that a noisy minute hits all alike. */
export async function race(lab: Lab, heat: Heat): Promise<Outcome> {
  const samples = new Map<string, Sample[]>();
  const problems: string[] = [];
  const skipped: string[] = [];
  const present = heat.entrants.filter(({ contender }) => {
    const why = contender.missing();
    if (why !== null) skipped.push(`${contender.name} was skipped: ${why}`);
    return why === null;
  });
  const rounds = heat.rounds ?? lab.rounds;
  for (let round = 1; round <= rounds; round++) {
    for (const entrant of present) {
      const { sample, problem } = await runOne(lab, heat, entrant, round);
      const { name } = entrant.contender;
      if (problem !== null) problems.push(`${name}, round ${round}: ${problem}`);
      samples.set(name, [...(samples.get(name) ?? []), sample]);
      const rate = Math.round(sample.rows / sample.seconds);
      lab.say(
        `  round ${round}/${rounds}  ${name}: ${rate} rows/s (${sample.rows} in ${sample.seconds.toFixed(1)} s)${problem === null ? '' : `  WRONG: ${problem}`}`,
      );
    }
  }
  return { samples, problems, skipped };
}

async function runOne(lab: Lab, heat: Heat, entrant: Entrant, round: number) {
  const { contender } = entrant;
  const rows = entrant.rows ?? Math.max(FEWEST_ROWS, Math.round(lab.rows * contender.share));
  const scratch = mkdtempSync(join(lab.work, 'run-'));
  try {
    const csv = await (entrant.csv?.(round) ?? csvOf(lab.work, rows));
    await lab.stub.reset(heat.stub);
    const job = { rows, csv, url: lab.stub.url, connections: heat.connections, scratch };
    const spent = await measure(await contender.command(job));
    const stub = await lab.stub.stats();
    const work = spent.exitCode === 0 && contender.read !== undefined ? contender.read(spent, job) : { ...spent, rows };
    const { seconds, cpuSeconds } = work;
    const sample: Sample = { rows: work.rows, seconds, cpuSeconds, peakMb: spent.peakMb, stub, stdout: spent.stdout };
    return { sample, problem: problemOf(contender, spent.exitCode, stub, entrant.creates ?? rows) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function problemOf(contender: Contender, exitCode: number | null, stub: StubStats, creates: number): string | null {
  if (exitCode !== 0) return `it ended with ${exitCode}, having created ${stub.created} of ${creates} memories`;
  if (!contender.exact || (stub.created === creates && stub.duplicates === 0)) return null;
  return `expected ${creates} memories, each once; found ${stub.created}, of them ${stub.duplicates} copies`;
}

/** The table of a race. @param baseName whom the others are compared with, round by round */
export function linesOf({ samples }: Outcome, entrants: readonly Entrant[], baseName: string | null): readonly Line[] {
  const base = baseName === null ? undefined : samples.get(baseName);
  return entrants.flatMap(({ contender }) => {
    const own = samples.get(contender.name);
    if (own === undefined) return [];
    return [
      {
        contender: contender.name,
        what: contender.what,
        rows: own[0]?.rows ?? 0,
        rounds: own.length,
        rowsPerSecond: spreadOf(own.map(rateOf)),
        cpuPerRow: spreadOf(own.map(cpuPerRowOf)),
        peakMb: spreadOf(own.map(({ peakMb }) => peakMb)),
        ratio: base === undefined ? null : ratioByRound(own.map(rateOf), base.map(rateOf)),
        cpuRatio: base === undefined ? null : ratioByRound(own.map(cpuPerRowOf), base.map(cpuPerRowOf)),
      },
    ];
  });
}

export function rateOf({ rows, seconds }: Work): number {
  return rows / seconds;
}

/** Microseconds. */
export function cpuPerRowOf({ rows, cpuSeconds }: Work): number {
  return (cpuSeconds / rows) * 1e6;
}
