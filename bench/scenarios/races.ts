import type { Contender } from '../contenders/contender.js';
import { importContender } from '../contenders/import.js';
import { afternoonScript, aiohttp, bareLoop, curlParallel, newman, wrk, xargsCurl } from '../contenders/others.js';
import { ratio, spread, whole } from '../format.js';
import { cpuPerRowOf, linesOf, type Outcome, race, rateOf } from '../race.js';
import type { Target } from '../results.js';
import { ratioByRound, spreadOfKnown } from '../statistics.js';
import type { Scenario } from './scenario.js';

const us = importContender();

const everybody = [us, bareLoop, afternoonScript, curlParallel, aiohttp, xargsCurl, newman, wrk];

export const latency0 = raceScenario({ connections: 64, latencyMs: 0, contenders: everybody, usual: true, targets: targetsAtLatency0 });
export const latency0Wide = raceScenario({
  connections: 256,
  latencyMs: 0,
  contenders: [us, bareLoop, wrk],
  usual: false,
  targets: () => [],
});
export const latency50Narrow = raceScenario({
  connections: 64,
  latencyMs: 50,
  contenders: [us, bareLoop, wrk],
  usual: false,
  targets: () => [],
});
export const latency50 = raceScenario({
  connections: 256,
  latencyMs: 50,
  contenders: [us, bareLoop, afternoonScript, curlParallel, aiohttp, wrk],
  usual: true,
  targets: targetsAtLatency50,
});

function raceScenario(course: {
  readonly connections: number;
  readonly latencyMs: number;
  readonly contenders: readonly Contender[];
  readonly usual: boolean;
  readonly targets: (outcome: Outcome) => readonly Target[];
}): Scenario {
  const { connections, latencyMs, contenders } = course;
  return {
    name: `latency-${latencyMs}-${connections}`,
    what: `all against all: ${latencyMs} ms latency, ${connections} connections`,
    usual: course.usual,
    quick: course.usual,
    async run(lab) {
      const entrants = contenders.map((contender) => ({ contender }));
      const outcome = await race(lab, { entrants, connections, stub: { latencyMs } });
      return {
        title: `${latencyMs} ms latency, ${connections} connections`,
        setting: `The import gets ${whole(lab.rows)} rows, slow contenders fewer.`,
        base: bareLoop.name,
        lines: linesOf(outcome, entrants, bareLoop.name),
        targets: course.targets(outcome),
        remarks: [...stubShare(outcome, lab.stub.language), ...outcome.skipped],
        problems: outcome.problems,
      };
    },
  };
}

function targetsAtLatency0(outcome: Outcome): readonly Target[] {
  const targets: Target[] = [];
  add(targets, outcome, { other: bareLoop, what: 'latency 0, 64 connections: rows/s against the bare loop', least: 0.8, wanted: '≥ 0.80' });
  const cpu = compare(outcome, bareLoop, cpuPerRowOf);
  if (cpu !== null) {
    targets.push({ what: 'CPU per row against the bare loop', wanted: '≤ 1.5', measured: spread(cpu, ratio), met: cpu.median <= 1.5 });
  }
  add(targets, outcome, { other: afternoonScript, what: 'rows/s against the afternoon script', least: 7, wanted: '≥ 7' });
  add(targets, outcome, { other: aiohttp, what: 'rows/s against Python aiohttp', least: 5, wanted: '≥ 5' });
  add(targets, outcome, { other: curlParallel, what: 'rows/s against curl --parallel', least: 2, wanted: '≥ 2' });
  const peak = spreadOfKnown((outcome.samples.get(us.name) ?? []).filter(({ rows }) => rows >= 100_000).map(({ peakMb }) => peakMb));
  if (peak !== null) {
    targets.push({
      what: 'resident memory, 100,000 rows',
      wanted: '≤ 160 MB',
      measured: `${spread(peak, whole)} MB`,
      met: peak.median <= 160,
    });
  }
  return targets;
}

function targetsAtLatency50(outcome: Outcome): readonly Target[] {
  const targets: Target[] = [];
  add(targets, outcome, { other: wrk, what: '50 ms latency, 256 connections: rows/s against wrk', least: 0.92, wanted: '≥ 0.92' });
  return targets;
}

function add(
  targets: Target[],
  outcome: Outcome,
  { other, what, least, wanted }: { readonly other: Contender; readonly what: string; readonly least: number; readonly wanted: string },
): void {
  const measured = compare(outcome, other, rateOf);
  if (measured !== null) targets.push({ what, wanted, measured: spread(measured, ratio), met: measured.median >= least });
}

function compare({ samples }: Outcome, other: Contender, of: typeof rateOf) {
  return ratioByRound((samples.get(us.name) ?? []).map(of), (samples.get(other.name) ?? []).map(of));
}

/** The stub takes CPU too: on a machine of two cores it may be what limits. */
function stubShare({ samples }: Outcome, language: string): readonly string[] {
  const perRequest = spreadOfKnown(
    (samples.get(us.name) ?? []).map(({ stub }) => (stub.requests === 0 ? null : (stub.cpuSeconds / stub.requests) * 1e6)),
  );
  return perRequest === null ? [] : [`The stub (${language}) took ${spread(perRequest, whole)} µs of CPU a request of the import.`];
}
