import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.js';
import { importContender } from '../contenders/import.js';
import { ratio, spread, whole } from '../format.js';
import { csvOf } from '../inputs.js';
import { measure } from '../measure.js';
import { PROGRAMS } from '../paths.js';
import { linesOf, race, rateOf } from '../race.js';
import { ratioByRound } from '../statistics.js';
import type { Scenario } from './scenario.js';

const parseOnly: Contender = {
  name: 'csv-parse alone',
  what: 'every row read, nothing done with it; start-up included',
  share: 1,
  exact: true,
  missing: () => null,
  command: async ({ csv }) => ({ file: process.execPath, args: [join(PROGRAMS, 'parse-only.js'), csv] }),
};

/** A nightly job's usual case: the file, or most of it, was imported before. */
export const again: Scenario = {
  name: 'again',
  what: 'a finished file again, every note known, against csv-parse alone',
  usual: true,
  quick: true,
  async run(lab) {
    const folder = mkdtempSync(join(lab.work, 'again-'));
    const ledger = join(folder, 'ledger.db');
    const knowing = importContender({
      name: 'memory-import, again',
      what: 'the same file and ledger a second time: nothing is sent',
      ledger,
    });
    const csv = await csvOf(lab.work, lab.rows);
    await lab.stub.reset();
    const first = { rows: lab.rows, csv, url: lab.stub.url, connections: 64, scratch: folder };
    await measure(await importContender({ ledger }).command(first));
    const entrants = [
      { contender: knowing, creates: 0 },
      { contender: parseOnly, creates: 0 },
    ];
    const outcome = await race(lab, { entrants, connections: 64 });
    rmSync(folder, { recursive: true, force: true });
    const against = ratioByRound(
      (outcome.samples.get(knowing.name) ?? []).map(rateOf),
      (outcome.samples.get(parseOnly.name) ?? []).map(rateOf),
    );
    return {
      title: 'A finished file again',
      setting: `${whole(lab.rows)} rows, all in the ledger.`,
      base: parseOnly.name,
      lines: linesOf(outcome, entrants, parseOnly.name),
      targets:
        against === null
          ? []
          : [
              {
                what: 'a finished file again: rows/s against csv-parse alone',
                wanted: '≥ 0.5',
                measured: spread(against, ratio),
                met: against.median >= 0.5,
              },
            ],
      remarks: outcome.skipped,
      problems: outcome.problems,
    };
  },
};
