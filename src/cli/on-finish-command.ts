import { spawn } from 'node:child_process';
import type { Finished } from './on-finish-option.js';

/** So long may the command take. */
const PATIENCE_MS = 30_000;
const LAST_OUTPUT_MS = 300;

/**
 * Runs it by the shell, as crontabs do, with the summary on its standard input and without the API key in its environment.
 * @returns null, or what went wrong, as the rest of a sentence
 */
export function pipeToCommand(
  command: string,
  { summary, exitCode, env, stderr, stopped }: Finished,
  patienceMs = PATIENCE_MS,
): Promise<string | null> {
  const { CALLERS_API_KEY: _key, ...rest } = env;
  return new Promise((resolve) => {
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, so that a time-out ends what the shell has started too.
      detached: process.platform !== 'win32',
      env: {
        ...rest,
        MEMORY_IMPORT_RUN_ID: summary.runId,
        MEMORY_IMPORT_STATUS: summary.status,
        MEMORY_IMPORT_EXIT_CODE: String(exitCode),
      },
    });
    let why: string | null = null;
    const end = (reason: string): void => {
      why = reason;
      try {
        if (child.pid !== undefined) process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
      } catch {
        // Gone already: its exit is on the way.
      }
    };
    const timer = setTimeout(() => end(`took longer than ${patienceMs / 1000} s and was ended`), patienceMs);
    const onStop = () => end('was ended, since the import was told to stop');
    stopped.addEventListener('abort', onStop, { once: true });
    const finish = (result: string | null): void => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', onStop);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result);
    };
    child.on('error', (error) => finish(`couldn't be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      const result = why ?? (code === 0 ? null : signal === null ? `ended with ${code}` : `was ended by ${signal}`);
      child.on('close', () => finish(result));
      // What it left in the background may keep its output open; what it has written itself is on the way.
      setTimeout(() => finish(result), LAST_OUTPUT_MS);
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void stderr.write(chunk));
    child.stdin.on('error', () => {}); // it needn't read what it gets
    child.stdin.end(`${JSON.stringify(summary)}\n`);
    if (stopped.aborted) onStop();
  });
}
