import { LedgerError, LedgerHeldError, OptionsError, StoppedError, UserError } from '../errors.js';
import { COMMANDS } from './command-specs.js';
import { exitCodeOfError } from './exit-codes.js';
import type { Io } from './io.js';

/** Says on stderr, in words, why a command ended by an error; a stack only where `--log-level debug` asks for it. */
export function explainError(ended: {
  readonly error: unknown;
  readonly argv: readonly string[];
  readonly version: string;
  readonly stderr: Io['stderr'];
}): number {
  ended.stderr.write(`${harmless(sentence(ended))}\n`);
  return exitCodeOfError(ended.error);
}

function sentence({ error, argv, version }: { error: unknown; argv: readonly string[]; version: string }): string {
  const command = `memory-import ${commandOf(argv)}`.trimEnd();
  if (error instanceof OptionsError) {
    return `${command} can't start:\n${error.problems.map((problem) => `  ${problem}`).join('\n')}\n${command} --help lists the options.`;
  }
  const known = [UserError, LedgerHeldError, LedgerError, StoppedError].some((kind) => error instanceof kind);
  if (known && error instanceof Error) return `memory-import: ${error.message}`;

  const message = error instanceof Error ? error.message : String(error);
  const details = error instanceof Error && wantsDetails(argv) ? `${error.stack}` : 'Run it with --log-level debug for the details.';
  return `memory-import: unexpected error: ${message}
This is a bug: please report it, with its version (${version}) and the command. What is settled is safe in the ledger, and the same command goes on from there.
${details}`;
}

/** A file's name, or a header, may hold what a terminal obeys: it is shown as it would be written in JSON. Line ends are ours. */
function harmless(text: string): string {
  return text.replace(
    /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The words of the command that was called; where there is no such command, the first word. */
function commandOf(argv: readonly string[]): string {
  const words = argv.filter((word) => !word.startsWith('-'));
  return COMMANDS.find(({ name }) => name === words.slice(0, name.split(' ').length).join(' '))?.name ?? words[0] ?? '';
}

function wantsDetails(argv: readonly string[]): boolean {
  const words = argv.join(' ');
  return /--log-level[ =](debug|trace)\b/.test(words);
}
