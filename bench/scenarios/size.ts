import { importContender } from '../contenders/import.js';
import { ratio, whole } from '../format.js';
import { linesOf, race, type Sample } from '../race.js';
import type { Target } from '../results.js';
import type { Scenario } from './scenario.js';

const CONNECTIONS = 64;
const SIZES = [100_000, 1_000_000, 5_000_000];
const MILLION = 1_000_000;

/** Memory and speed from a hundred thousand rows to five million. */
export const size: Scenario = {
  name: 'size',
  what: '100,000, 1,000,000 and 5,000,000 rows once each (--rows bounds them): memory, and the rate of each million',
  usual: false,
  quick: false,
  async run(lab) {
    const sizes = SIZES.filter((rows) => rows <= Math.max(lab.rows, SIZES[0]!));
    const entrants = sizes.map((rows) => ({ contender: importContender({ name: `memory-import, ${whole(rows)} rows` }), rows }));
    const outcome = await race(lab, { entrants, connections: CONNECTIONS, rounds: 1 });
    const samples = entrants.map(({ contender }) => outcome.samples.get(contender.name)?.[0]);
    const [smallest, ...larger] = samples;
    const targets: Target[] = [];
    for (const sample of larger) {
      if (smallest === undefined || sample === undefined) continue;
      const grown = sample.peakMb / smallest.peakMb;
      const measured = `${whole(sample.peakMb)} MB, ${ratio(grown)}`;
      targets.push({ what: `resident memory, ${whole(sample.rows)} rows against 100,000`, wanted: '≤ 1.15', measured, met: grown <= 1.15 });
    }
    const rates = byMillion(samples.at(-1));
    const [first, last] = [rates[0], rates.at(-1)];
    if (first !== undefined && last !== undefined && rates.length > 1) {
      const measured = ratio(last / first);
      targets.push({ what: `rows/s of million ${rates.length} against the first`, wanted: '≥ 0.90', measured, met: last / first >= 0.9 });
    }
    return {
      title: 'Size',
      setting: `Latency 0, ${CONNECTIONS} connections, one run each.`,
      base: null,
      lines: linesOf(outcome, entrants, null),
      targets,
      remarks: rates.length > 1 ? [`Rows/s of each million: ${rates.map(whole).join(', ')}.`] : [],
      problems: outcome.problems,
    };
  },
};

/** How fast each million was created, from the stub's counts of each second. */
function byMillion(sample: Sample | undefined): readonly number[] {
  const rates: number[] = [];
  let created = 0;
  let reachedAt = 0;
  (sample?.stub.createdEachSecond ?? []).forEach((count, second) => {
    created += count;
    if (created < (rates.length + 1) * MILLION) return;
    const at = second + 1 - (created - (rates.length + 1) * MILLION) / count;
    rates.push(MILLION / (at - reachedAt));
    reachedAt = at;
  });
  return rates;
}
