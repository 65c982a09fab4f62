import type { Readable, Writable } from 'node:stream';
import type { Terminal } from '../report/progress.js';

/** What a command may touch of the process it runs in. Nobody else reads `process`. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back for each SIGINT and SIGTERM; returns what stops that. */
  readonly onStopSignal: (listener: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
  /** The terminal itself where standard input is something else; null where there is none. Whoever asks for it destroys it. */
  readonly openTerminal: () => (Readable & { readonly isTTY?: boolean }) | null;
  /** Calls back when the process ends in the middle of whatever it does, so that nothing is left on the screen; returns what stops that. */
  readonly onAbruptEnd: (clean: () => void) => () => void;
  /** Says something to the process that has started this one in the background; null: nobody has. */
  readonly tellParent?: ((message: string) => void) | null;
  /** Ends the process in the middle of whatever it does. */
  readonly exitNow: (code: number) => void;
}

/** A command with what it was called with, after parsing and before any check of values. */
export interface Call {
  readonly io: Io;
  readonly args: readonly string[];
  /** By the option's camelCase name; what wasn't given isn't there. */
  readonly values: Readonly<Record<string, unknown>>;
}
