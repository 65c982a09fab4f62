import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../../src/cli/io.js';

/** A process to run a command in: what it writes can be read, and signals sent. */
export function fakeIo(given: { env?: Record<string, string>; isTTY?: boolean; columns?: number } = {}) {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY: given.isTTY ?? false, columns: given.columns ?? 80, rows: 24 });
  const written = { stdout: '', stderr: '' };
  stdout.on('data', (chunk) => {
    written.stdout += String(chunk);
  });
  stderr.on('data', (chunk) => {
    written.stderr += String(chunk);
  });
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  const exits: number[] = [];
  const io: Io = {
    stdin: Readable.from([]),
    stdout,
    stderr: stderr as unknown as Io['stderr'], // a stream with all that is needed of a terminal
    env: given.env ?? {},
    onStopSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    openTerminal: () => null,
    onAbruptEnd: () => () => {},
    exitNow: (code) => exits.push(code),
  };
  return {
    io,
    written,
    exits,
    stdout,
    listening: () => listeners.size,
    send: (name: 'SIGINT' | 'SIGTERM') => {
      for (const listener of listeners) listener(name);
    },
  };
}
