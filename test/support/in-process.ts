import { Readable, Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import type { runProgram } from '../../src/cli/program.js';
import type { CliOptions, CliResult } from './cli.js';
import { resultOf } from './cli.js';

const PROGRAM = new URL('../../dist/cli/program.js', import.meta.url).href;
/** All that reaches a command through its `io`; other variables are Node's or the system's, and need a process. */
const OURS = /^(?:CALLERS_|MEMORY_IMPORT_|NO_COLOR$)/;

let isBusy = false;

/** Whether nothing about the call needs a process of its own: signals, locks between processes, a standard input that stays open. */
export function canRunHere({ env = {}, stdin }: CliOptions): boolean {
  return !isBusy && stdin !== 'open' && Object.keys(env).every((name) => OURS.test(name));
}

/**
 * The built command in this process, as `main.ts` calls it: starting Node and loading everything anew takes longer than most imports of the
 * tests. Not for two at once, since a lock keeps out other processes only.
 */
export async function runHere(args: readonly string[], { cwd = process.cwd(), env = {}, stdin = '' }: CliOptions): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  const collect = (name: keyof typeof written) =>
    new Writable({
      decodeStrings: false,
      write(text: string | Buffer, _encoding, done) {
        written[name] += text.toString();
        done();
      },
    });
  const io: Io = {
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)], { objectMode: false }),
    stdout: collect('stdout'),
    // No terminal: it has no width, and nobody resizes it.
    stderr: collect('stderr') as Writable as unknown as Io['stderr'],
    env: { PATH: process.env.PATH ?? '', ...env },
    onStopSignal: () => () => {},
    openTerminal: () => null,
    onAbruptEnd: () => () => {},
    exitNow: (code) => {
      throw new Error(`the command ended at once, with ${code}`);
    },
  };
  const before = process.cwd();
  isBusy = true;
  process.chdir(cwd);
  try {
    const program = (await import(PROGRAM)) as { readonly runProgram: typeof runProgram };
    const code = await program.runProgram({ argv: args, io });
    return resultOf({ code, signal: null, ...written });
  } finally {
    process.chdir(before);
    isBusy = false;
  }
}
