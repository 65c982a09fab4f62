import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from './cli.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A real terminal (tmux's), with a command on it. */
export interface TerminalRun {
  /** What is to be seen, from the first line to the last that isn't empty. `colors`: with its escape sequences. */
  screen(colors?: boolean): string;
  shows(what: RegExp): Promise<string>;
  /** tmux's names: `y`, `Enter`, `C-c`. */
  press(...keys: readonly string[]): void;
  /** While the command stands still: what it writes at that moment for a terminal of the old size no program could take away again. */
  resize(columns: number): void;
  /** Waits for the command's end: what the screen shows then, and its exit code. */
  ended(): Promise<{ readonly code: number; readonly screen: string }>;
}

/** What a test needs tmux for is skipped without it, except where CI has promised it. */
export const hasTmux = spawnSync('tmux', ['-V']).error === undefined || process.env.CI === 'true';
export const tmuxOrSkipped = hasTmux ? '' : ' (skipped: apt-get install tmux)';

/** @param line for `sh`; `memory-import` is the built command */
export function openTerminal(
  line: string,
  given: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly columns?: number;
    readonly whenOver: (clean: () => void) => void;
  },
): TerminalRun {
  const socket = `memory-import-${randomBytes(6).toString('hex')}`;
  // The server's environment is that of its sessions, and CI isn't a terminal that anybody looks at.
  const env = { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', TERM: 'xterm-256color', HOME: given.cwd, ...given.env };
  const tmux = (...args: readonly string[]) =>
    execFileSync('tmux', ['-u', '-L', socket, '-f', '/dev/null', ...args], { cwd: given.cwd, env, encoding: 'utf8' });
  const command = line.replace('memory-import', `'${process.execPath}' '${CLI}'`);
  const size = ['-x', String(given.columns ?? 80), '-y', '24'];
  // Ctrl-C reaches the shell too, which shall go on.
  tmux('new-session', '-d', ...size, `sh -c '${`trap : INT; ${command}; echo "code $?"; exec sleep 600`.replaceAll("'", "'\\''")}'`);
  given.whenOver(() => void spawnSync('tmux', ['-L', socket, 'kill-server']));

  const screen = (colors = false) =>
    tmux('capture-pane', '-p', ...(colors ? ['-e'] : []))
      .split('\n')
      .map((text) => text.trimEnd())
      .join('\n')
      .trimEnd();
  const shows = async (what: RegExp) => {
    let seen = '';
    const matches = () => {
      seen = screen();
      return what.test(seen);
    };
    // Each look is a process, for which this one stands still, and with it the sandbox.
    await until(`${what} on the screen`, matches, { intervalMs: 50 }).catch((error: unknown) => {
      throw new Error(`expected ${what} on the screen, found:\n${seen}`, { cause: error });
    });
    return seen;
  };
  return {
    screen,
    shows,
    press: (...keys) => void tmux('send-keys', ...keys),
    resize(columns) {
      const pids = commandOf(Number(tmux('display-message', '-p', '#{pane_pid}')));
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      // tmux has read all that was written by then.
      screen();
      tmux('resize-window', '-x', String(columns), '-y', '24');
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    },
    async ended() {
      const seen = await shows(/^code \d+$/m);
      return { code: Number(/^code (\d+)$/m.exec(seen)?.[1]), screen: seen };
    },
  };
}

/** What a shell has started, as far as the system tells. */
function commandOf(shell: number): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim().split(' ').map(Number);
}
