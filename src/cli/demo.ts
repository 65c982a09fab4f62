import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SANDBOX_KEY } from '../sandbox/options.js';
import { startSandbox } from '../sandbox/server.js';
import { EXIT } from './exit-codes.js';

// `npm run demo`: the import of the sample as a user would run it, against an imitation of the API on this machine, and then once more.
// 0 although some of the sample's rows fail, as they are meant to; 1 if the import does anything else.

const SAMPLE = 'samples/crm-notes.csv';
const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = fileURLToPath(new URL('./main.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'memory-import-demo-'));
const sandbox = await startSandbox({ apiKey: DEFAULT_SANDBOX_KEY });
say(`The sandbox, an imitation of the Callers API, listens on ${sandbox.url}. Ledger and reports go to ${folder}.`);

say('\nFirst, import the sample. A few of its rows are wrong on purpose.');
const first = await importSample();
const created = sandbox.stats().created;

say('Now the same command again: it creates only what is not there yet, and that is nothing.');
const second = await importSample();

const stats = sandbox.stats();
await sandbox.close();
say(
  `What the sandbox saw:\n  created: ${stats.created}, of these in the second run: ${stats.created - created}\n  duplicates: ${stats.duplicates}`,
);

const asExpected =
  first === EXIT.someFailed && second === EXIT.someFailed && created > 0 && stats.created === created && stats.duplicates === 0;
if (!asExpected)
  say(
    `This isn't what the demo should show: exit codes ${first} and ${second}, expected ${EXIT.someFailed} twice, and nothing created twice.`,
  );
process.exitCode = asExpected ? 0 : 1;

/** Shows the command, runs it, passes on what it prints. */
function importSample(): Promise<number | null> {
  const args = ['import', SAMPLE, '--base-url', sandbox.url, '--ledger', join(folder, 'ledger.db'), '--out', join(folder, 'runs')];
  say(`\n$ CALLERS_API_KEY=${DEFAULT_SANDBOX_KEY} memory-import ${args.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, CALLERS_API_KEY: DEFAULT_SANDBOX_KEY },
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      say(`(exit code ${code})\n`);
      resolve(code);
    });
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
