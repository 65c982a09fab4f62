import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { importContender } from '../contenders/import.js';
import { percent, ratio, spread, whole } from '../format.js';
import { writeCsv } from '../inputs.js';
import { measure } from '../measure.js';
import { PROGRAMS } from '../paths.js';
import { cpuPerRowOf, linesOf, race, rateOf } from '../race.js';
import { ratioByRound } from '../statistics.js';
import type { Scenario } from './scenario.js';

const CONNECTIONS = 64;
// Both get it, so that both pay for the hook.
const SWITCH = ['--import', join(PROGRAMS, 'memory-ledger-switch.js')];

/** What the ledger adds. */
export const ledgerShare: Scenario = {
  name: 'ledger',
  what: 'the import with its ledger, and with one that is only in memory',
  usual: true,
  quick: true,
  async run(lab) {
    const real = importContender({ name: 'memory-import, ledger in a file', nodeArgs: SWITCH });
    const light = importContender({
      name: 'memory-import, ledger in memory',
      what: 'the same command line, its ledger replaced by two maps',
      nodeArgs: SWITCH,
      env: { MEMORY_LEDGER: '1' },
    });
    const entrants = [{ contender: real }, { contender: light }];
    const outcome = await race(lab, { entrants, connections: CONNECTIONS });
    const share = ratioByRound(
      (outcome.samples.get(real.name) ?? []).map(cpuPerRowOf),
      (outcome.samples.get(light.name) ?? []).map(cpuPerRowOf),
    );
    return {
      title: "The ledger's share",
      setting: `${whole(lab.rows)} rows, latency 0, ${CONNECTIONS} connections.`,
      base: light.name,
      lines: linesOf(outcome, entrants, light.name),
      targets:
        share === null
          ? []
          : [
              {
                what: "ledger's share: CPU with it against without",
                wanted: '≤ +15 %',
                measured: spread(share, (value) => `+${percent(value - 1, 0)}`),
                met: share.median <= 1.15,
              },
            ],
      remarks: [],
      problems: outcome.problems,
    };
  },
};

const KNOWN_NOTES = 10_000_000;

/** Years of nightly imports: does a ledger that knows ten million notes slow the next one down? */
export const fullLedger: Scenario = {
  name: 'full-ledger',
  what: 'new notes into a ledger that knows 10,000,000, and into an empty one (minutes to make it, gigabytes of disk)',
  usual: false,
  quick: false,
  async run(lab) {
    const ledger = join(lab.work, `ledger-${KNOWN_NOTES}.db`);
    if (!existsSync(ledger)) {
      lab.say(`  making ${ledger}`);
      const made = await measure({
        file: process.execPath,
        args: [join(PROGRAMS, 'fill-ledger.js'), `${ledger}.part`, String(KNOWN_NOTES), lab.stub.url],
      });
      if (made.exitCode !== 0) throw new Error(`expected a ledger of ${KNOWN_NOTES} notes; its making ended with ${made.exitCode}`);
      lab.say(`  made in ${made.seconds.toFixed(0)} s, peak ${made.peakMb} MB`);
      renameSync(`${ledger}.part`, ledger);
    }
    const full = importContender({
      name: 'memory-import, 10,000,000 known',
      what: 'the same, into a ledger that knows ten million other notes; opening it included',
      ledger,
      args: ['--same-account'],
    });
    const empty = importContender({ name: 'memory-import, empty ledger' });
    // The ledger keeps what it gets, so each round and each run brings notes that it doesn't know.
    const folder = mkdtempSync(join(lab.work, 'new-'));
    const seed = Math.floor(Date.now() / 1000) % 1_000_000_000;
    const csv = async (round: number): Promise<string> => {
      const path = join(folder, `${round}.csv`);
      if (!existsSync(path)) await writeCsv(path, { rows: lab.rows, seed: seed + round });
      return path;
    };
    const entrants = [
      { contender: full, csv },
      { contender: empty, csv },
    ];
    const outcome = await race(lab, { entrants, connections: CONNECTIONS });
    rmSync(folder, { recursive: true, force: true });
    const against = ratioByRound((outcome.samples.get(full.name) ?? []).map(rateOf), (outcome.samples.get(empty.name) ?? []).map(rateOf));
    return {
      title: 'A ledger that knows 10,000,000 notes',
      setting: `${whole(lab.rows)} new notes each round, latency 0, ${CONNECTIONS} connections.`,
      base: empty.name,
      lines: linesOf(outcome, entrants, empty.name),
      targets:
        against === null
          ? []
          : [
              {
                what: 'rows/s against a ledger that knows 10,000,000 notes',
                wanted: '≥ 0.90',
                measured: spread(against, ratio),
                met: against.median >= 0.9,
              },
            ],
      remarks: [],
      problems: outcome.problems,
    };
  },
};
