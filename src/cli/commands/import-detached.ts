import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionsError, UserError } from '../../errors.js';
import { readConfig } from '../../options.js';
import { EXIT } from '../exit-codes.js';
import type { Call } from '../io.js';
import { optionsOf } from '../option-specs.js';
import { resolveScreenOptions } from '../screen-options.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** `import --detach`: starts the same import as a process of its own, and ends once that has started. */
export async function importDetached(call: Call): Promise<number> {
  const { io, args, values } = call;
  const { json } = resolveScreenOptions(values);
  const config = typeof values.config === 'string' ? readConfig(values.config) : {};
  const problems = [
    (values.distribute ?? config.distribute) === true ? null : '--detach: expected together with --distribute, found alone',
    args.includes('-') ? "--detach: expected files, found '-': standard input ends with the terminal" : null,
  ].filter((problem) => problem !== null);
  if (problems.length > 0) throw new OptionsError(problems);

  const out = String(values.out ?? config.out ?? '.memory-import/runs');
  const draft = join(out, `.detached-${process.pid}.log`);
  const log = openLog(out, draft);
  const child = spawn(process.execPath, [MAIN, 'import', ...optionWords(values), '--', ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...io.env, MEMORY_IMPORT_DETACHED: '1' },
  });
  closeSync(log);
  const runId = await new Promise<string | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => resolve(null));
    child.on('message', (message) => resolve(String(message)));
  });
  if (runId === null) {
    io.stderr.write(readFileSync(draft, 'utf8'));
    rmSync(draft, { force: true });
    return child.exitCode ?? EXIT.stopped;
  }
  const path = join(out, runId, 'import.log');
  renameSync(draft, path);
  if (child.connected) child.disconnect();
  child.unref();
  const told = { runId, pid: child.pid, log: path };
  io.stdout.write(json ? `${JSON.stringify(told)}\n` : text(told));
  return EXIT.done;
}

function openLog(out: string, path: string): number {
  try {
    mkdirSync(out, { recursive: true, mode: 0o700 });
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    throw new UserError(`--out: expected a folder that can be written to, found ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** The command's options, as they were given. */
function optionWords(values: Call['values']): readonly string[] {
  return optionsOf('import')
    .filter(({ name }) => name !== 'detach')
    .flatMap(({ name, flags }) => {
      const [flag = ''] = flags.split(' ', 1);
      const value = values[name];
      if (flag.startsWith('--no-')) return value === false ? [flag] : [];
      if (value === undefined || value === false) return [];
      return value === true ? [flag] : [value].flat().map((one) => `${flag}=${one}`);
    });
}

function text({ runId, pid, log }: { readonly runId: string; readonly pid: number | undefined; readonly log: string }): string {
  return `Run ${runId} goes on in the background (process ${pid}).

  memory-import runs                          # how it stands; with the --ledger of the import
  memory-import report ${runId}   # its reports, when it has ended
  kill ${pid}                                 # stop it: what is under way is finished
  ${log}
`;
}
