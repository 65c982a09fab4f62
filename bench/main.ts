import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { WORK } from './paths.js';
import { machine, record } from './record.js';
import { resultText } from './report/text.js';
import type { RecordedResult } from './results.js';
import { scenarios } from './scenarios/all.js';
import type { Scenario } from './scenarios/scenario.js';
import { startStub } from './stub-process.js';

const USAGE = `npm run bench -- [options]

  --scenario <name,…>  only these; default: the usual ones
  --rows <n>           rows of the import; slow contenders get fewer (default 100000)
  --rounds <n>         interleaved rounds (default 5)
  --quick              a few rows, one round: only to see that it works
  --json <path>        the results as JSON
  --write              put the results into bench/README.md, bench/results.json and the charts
  --list               the scenarios
`;

const QUICK_ROWS = 2000;

if (process.platform !== 'linux') fail('The benchmark reads CPU time and memory from /proc, so it needs Linux.');
// An ordinary end, so that what it has started ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const { values } = readArguments();
if (values.help === true) {
  process.stdout.write(USAGE);
} else if (values.list === true) {
  for (const { name, what, usual } of scenarios) console.log(`${name.padEnd(16)} ${what}${usual ? '' : ' (only where named)'}`);
} else {
  const quick = values.quick === true;
  if (quick && values.write === true) fail('--quick: its numbers mean nothing, so they are not written; leave --write or --quick out');
  const rows = count('rows', values.rows, quick ? QUICK_ROWS : 100_000);
  const rounds = count('rounds', values.rounds, quick ? 1 : 5);
  const results = await run(chosen(values.scenario, quick), { rows, rounds, quick, write: values.write === true });
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  if (Object.values(results).some(({ problems }) => problems.length > 0)) process.exitCode = 1;
}

interface Settings {
  readonly rows: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly write: boolean;
}

async function run(chosen: readonly Scenario[], settings: Settings) {
  mkdirSync(WORK, { recursive: true });
  const stub = await startStub(WORK);
  const results: Record<string, RecordedResult> = {};
  try {
    for (const scenario of chosen) {
      console.error(`${scenario.name}: ${scenario.what}`);
      const result = await scenario.run({ stub, work: WORK, ...settings, say: (line) => console.error(line) });
      const command = `npm run bench -- ${process.argv
        .slice(2)
        .filter((argument, at, all) => argument !== '--write' && argument !== '--json' && all[at - 1] !== '--json')
        .join(' ')}`.replace(/ -- $/, '');
      results[scenario.name] = { ...result, date: new Date().toISOString().slice(0, 10), machine: machine(), command };
      // Now: a benchmark that is stopped keeps what it has.
      if (settings.write) record(results);
      // A few rows tell nothing of targets.
      console.log(resultText(settings.quick ? { ...result, targets: [] } : result));
    }
  } finally {
    stub.close();
  }
  return results;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        scenario: { type: 'string' },
        rows: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        quick: { type: 'boolean' },
        write: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function chosen(names: string | undefined, quick: boolean): readonly Scenario[] {
  if (names === undefined) return scenarios.filter((scenario) => (quick ? scenario.quick : scenario.usual));
  return names.split(',').map((name) => {
    const scenario = scenarios.find((known) => known.name === name);
    return scenario ?? fail(`--scenario: expected one of ${scenarios.map((known) => known.name).join(', ')}; found ${name}`);
  });
}

function count(option: string, given: string | undefined, usual: number): number {
  if (given === undefined) return usual;
  return /^[1-9]\d{0,8}$/.test(given) ? Number(given) : fail(`--${option}: expected a whole number above 0; found ${given}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
