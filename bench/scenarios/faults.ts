import { importContender } from '../contenders/import.js';
import { whole } from '../format.js';
import { linesOf, race } from '../race.js';
import type { StubOptions } from '../stub/behaviour.js';
import type { Scenario } from './scenario.js';

const SHARE = 0.01;
const FAULTS: StubOptions['faults'] = {
  '429': SHARE,
  '500': SHARE,
  '502': SHARE,
  '503': SHARE,
  reset: SHARE,
  hang: SHARE,
  '500-after': SHARE,
  'reset-after': SHARE,
  'hang-after': SHARE,
};

export const faults: Scenario = {
  name: 'faults',
  what: '1 % of each retryable fault: every memory once all the same, and what it costs',
  usual: true,
  quick: true,
  async run(lab) {
    const rows = lab.quick ? 1000 : Math.min(lab.rows, 30_000);
    const calm = importContender({ name: 'memory-import, no faults' });
    const beset = importContender({
      name: 'memory-import, 1 % of each fault',
      what: `${Object.keys(FAULTS).join(', ')}: 1 % each`,
      // A hanging request is noticed after its time-out, and half a minute of waiting would say nothing of speed.
      args: ['--timeout', '2s', ...(lab.quick ? ['--reconcile-wait', '500ms'] : [])],
    });
    const entrants = [
      { contender: calm, rows },
      { contender: beset, rows },
    ];
    const stub = { latencyMs: 10, keepMemories: true };
    const rounds = Math.min(lab.rounds, 3);
    const without = await race(lab, { entrants: entrants.slice(0, 1), connections: 64, stub, rounds });
    const withFaults = await race(lab, { entrants: entrants.slice(1), connections: 64, stub: { ...stub, faults: FAULTS }, rounds });
    const outcome = { ...without, samples: new Map([...without.samples, ...withFaults.samples]) };
    const [sample] = withFaults.samples.get(beset.name) ?? [];
    const statuses = Object.entries(sample?.stub.byStatus ?? {}).map(
      ([status, count]) => `${status === '0' ? 'no answer' : status}: ${whole(count)}`,
    );
    return {
      title: '1 % of each retryable fault',
      setting: `${whole(rows)} rows, 10 ms latency, 64 connections, --timeout 2s, the other options as they are. A row in doubt is looked for, and not sent again before --reconcile-wait (10 s) has passed; the others go on meanwhile.`,
      base: calm.name,
      lines: linesOf(outcome, entrants, calm.name),
      targets: [],
      remarks: [`The stub answered: ${statuses.join(', ')}; ${whole(sample?.stub.lists ?? 0)} lists.`],
      problems: [...without.problems, ...withFaults.problems],
    };
  },
};
