import { ratio, spread } from '../format.js';
import { measure } from '../measure.js';
import { CLI } from '../paths.js';
import { ratioByRound, spreadOf } from '../statistics.js';
import type { Scenario } from './scenario.js';

const FEWEST_ROUNDS = 11;

export const startUp: Scenario = {
  name: 'start-up',
  what: '`--help` against `node -e 0`',
  usual: true,
  quick: true,
  async run(lab) {
    const help: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < Math.max(lab.rounds, FEWEST_ROUNDS); round++) {
      help.push((await measure({ file: process.execPath, args: [CLI, '--help'] })).seconds);
      bare.push((await measure({ file: process.execPath, args: ['-e', '0'] })).seconds);
    }
    const against = ratioByRound(help, bare);
    const ms = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
    return {
      title: 'Start-up',
      setting: '`memory-import --help` and `node -e 0` in turn.',
      base: null,
      lines: [],
      targets:
        against === null
          ? []
          : [{ what: 'start-up of --help against node -e 0', wanted: '≤ 3', measured: spread(against, ratio), met: against.median <= 3 }],
      remarks: [`--help took ${spread(spreadOf(help), ms)}, node -e 0 took ${spread(spreadOf(bare), ms)}.`],
      problems: [],
    };
  },
};
