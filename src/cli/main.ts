#!/usr/bin/env node
import { openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { VERSION_AND_COMMIT } from '../version.js';
import { EXIT, exitCodeOfSignal, type StopSignal } from './exit-codes.js';
import { explainError } from './explain-error.js';
import { runProgram } from './program.js';

// A reader that went away (`| head`), or a full disk behind `>`, is no reason to stop an import: what is written there is lost, and nothing else.
process.stderr.on('error', () => {});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`memory-import: the result can't be written to stdout: ${error.message}\n`);
});
const cleaners = new Set<() => void>();
const exitNow = (code: number): never => {
  for (const clean of cleaners) clean();
  process.exit(code);
};
// Node would exit with 1, which means something else here.
process.on('uncaughtException', (error) => {
  for (const clean of cleaners) clean();
  explainError({ error, argv: process.argv.slice(2), version: VERSION_AND_COMMIT, stderr: process.stderr });
  process.exit(EXIT.stopped);
});

// As process 1 of a container a signal without a listener would do nothing.
const stopAtOnce = (signal: StopSignal) => exitNow(exitCodeOfSignal(signal));
let onSignal: (signal: StopSignal) => void = stopAtOnce;
process.on('SIGINT', () => onSignal('SIGINT'));
process.on('SIGTERM', () => onSignal('SIGTERM'));

const exitCode = await runProgram({
  argv: process.argv.slice(2),
  io: {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onStopSignal(listener) {
      onSignal = listener;
      return () => {
        onSignal = stopAtOnce;
      };
    },
    openTerminal() {
      try {
        return new ReadStream(openSync('/dev/tty', 'r'));
      } catch {
        return null; // cron, a container, another system
      }
    },
    onAbruptEnd(clean) {
      cleaners.add(clean);
      return () => void cleaners.delete(clean);
    },
    tellParent:
      process.env.MEMORY_IMPORT_DETACHED === undefined
        ? null
        : (message) => {
            process.send?.(message, () => {
              if (process.connected) process.disconnect();
            });
          },
    exitNow,
  },
});
await flushed(process.stdout);
await flushed(process.stderr);
// Not by waiting for the loop to run dry: a standard input that nobody closes would keep us here.
process.exit(exitCode);

/** Resolves once what was written has left, or can't any more. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => (stream.destroyed ? resolve() : stream.write('', () => resolve())));
}
