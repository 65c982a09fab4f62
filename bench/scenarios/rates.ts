import { importContender } from '../contenders/import.js';
import { percent, whole } from '../format.js';
import { linesOf, race } from '../race.js';
import type { ScenarioResult, Target } from '../results.js';
import type { StubStats } from '../stub/counters.js';
import { LIMIT_KINDS } from '../stub/limits.js';
import type { Scenario } from './scenario.js';

const LATENCY_MS = 20;
const CONNECTIONS = 64;

export const knownRate: Scenario = {
  name: 'rate',
  what: '--rate R under a limit of R: what is delivered, and how many 429s',
  usual: true,
  quick: false,
  async run(lab) {
    const rate = 1000;
    const rows = rate * 20;
    const contender = importContender({ name: `memory-import --rate ${rate}`, args: ['--rate', String(rate)] });
    const entrants = [{ contender, rows }];
    const limit = { kind: 'sliding window', perSecond: rate } as const;
    const outcome = await race(lab, { entrants, connections: CONNECTIONS, stub: { latencyMs: LATENCY_MS, limit }, rounds: 1 });
    const [sample] = outcome.samples.get(contender.name) ?? [];
    const seen = steady(sample?.stub, 1);
    return {
      title: `--rate ${rate}`,
      setting: `${whole(rows)} rows, ${LATENCY_MS} ms latency, ${CONNECTIONS} connections; the stub allows ${rate} in any second.`,
      base: null,
      lines: linesOf(outcome, entrants, null),
      targets: [
        {
          what: '--rate R: delivered',
          wanted: '≥ 99 % of R',
          measured: percent(seen.perSecond / rate),
          met: seen.perSecond >= 0.99 * rate,
        },
        { what: '--rate R: 429s', wanted: '≤ 0.1 %', measured: percent(seen.refusedShare, 2), met: seen.refusedShare <= 0.001 },
      ],
      remarks: [],
      problems: outcome.problems,
    };
  },
};

/** A second's beginning is no loss: the limit must be found first. */
const LEARNING_SECONDS = 10;

export const unknownLimit: Scenario = {
  name: 'unknown-limit',
  what: 'a limit that nobody told, of three kinds: what is delivered after ten seconds, and how many 429s',
  usual: true,
  quick: true,
  async run(lab): Promise<ScenarioResult> {
    const rate = lab.quick ? 100 : 500;
    const rows = rate * (lab.quick ? 14 : 40);
    const kinds = lab.quick ? LIMIT_KINDS.slice(0, 1) : LIMIT_KINDS;
    const entrants = kinds.map((kind) => ({
      contender: importContender({ name: `memory-import, ${kind}`, what: '429s without Retry-After' }),
      rows,
    }));
    const targets: Target[] = [];
    const lines: ScenarioResult['lines'][number][] = [];
    const seconds: NonNullable<ScenarioResult['seconds']>[number][] = [];
    const problems: string[] = [];
    for (const [index, kind] of kinds.entries()) {
      const entrant = [entrants[index]!];
      const stub = { latencyMs: LATENCY_MS, limit: { kind, perSecond: rate } };
      const outcome = await race(lab, { entrants: entrant, connections: CONNECTIONS, stub, rounds: 1 });
      lines.push(...linesOf(outcome, entrant, null));
      problems.push(...outcome.problems);
      const [sample] = outcome.samples.get(entrant[0]!.contender.name) ?? [];
      const { perSecond, refusedShare } = steady(sample?.stub, LEARNING_SECONDS);
      seconds.push({
        name: kind,
        limit: rate,
        created: sample?.stub.createdEachSecond ?? [],
        refused: sample?.stub.refusedEachSecond ?? [],
      });
      targets.push(
        {
          what: `unknown limit, ${kind}, after the first 10 s: delivered`,
          wanted: '≥ 95 % of R',
          measured: percent(perSecond / rate),
          met: perSecond >= 0.95 * rate,
        },
        {
          what: `unknown limit, ${kind}, after the first 10 s: 429s`,
          wanted: '≤ 1 %',
          measured: percent(refusedShare, 2),
          met: refusedShare <= 0.01,
        },
      );
    }
    return {
      title: `An unknown limit of ${rate} a second`,
      setting: `${whole(rows)} rows, ${LATENCY_MS} ms latency, ${CONNECTIONS} connections. A token bucket holds a second's worth.`,
      base: null,
      lines,
      targets,
      remarks: [],
      problems,
      seconds,
    };
  },
};

/** Of whole seconds only: neither the ones before `from` nor the last, in which the import ended. */
function steady(stats: StubStats | undefined, from: number): { readonly perSecond: number; readonly refusedShare: number } {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const end = (stats?.createdEachSecond.length ?? 0) - 1;
  const created = sum(stats?.createdEachSecond.slice(from, end) ?? []);
  const refused = sum(stats?.refusedEachSecond.slice(from, end) ?? []);
  return { perSecond: end > from ? created / (end - from) : 0, refusedShare: created + refused === 0 ? 0 : refused / (created + refused) };
}
