import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION_AND_COMMIT } from '../version.js';
import { COMMAND_GROUPS, COMMANDS, type CommandSpec, FIRST_STEPS } from './command-specs.js';
import { EXIT } from './exit-codes.js';
import { explainError } from './explain-error.js';
import type { Io } from './io.js';
import { OPTION_SPECS, type OptionSpec, optionsOf } from './option-specs.js';

/**
 * The command line: parses, runs the command that was asked for, explains what it threw.
 * @param called.argv without node and script
 * @returns the exit code, see `EXIT`
 */
export async function runProgram(called: {
  readonly argv: readonly string[];
  readonly io: Io;
  readonly commands?: readonly CommandSpec[];
}): Promise<number> {
  const { argv, io, commands = COMMANDS } = called;
  let exitCode: number = EXIT.done;
  const program = new Command('memory-import')
    .description('Loads notes from CSV files into Callers as contact memories, exactly once: run the same command again after anything.')
    .version(VERSION_AND_COMMIT)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride()
    .configureHelp({ minWidthToWrap: 30 })
    .addHelpText('after', `${examplesText(FIRST_STEPS)}\n\nmemory-import <command> --help has the options of each, and examples.`);
  for (const spec of commands) {
    const command = parentOf(spec, program)
      .command(spec.name.split(' ').at(-1) ?? spec.name)
      .summary(spec.summary)
      .description(spec.description ?? spec.summary);
    if (spec.argument) command.argument(spec.argument.name, spec.argument.meaning);
    for (const option of optionsOf(spec.name)) command.addOption(toOption(option));
    command.showHelpAfterError(`\nmemory-import ${spec.name} --help lists the options.`);
    command.addHelpText('after', examplesText(spec.examples) + (spec.afterword ? `\n\n${spec.afterword}` : ''));
    command.action(async (...parsed: unknown[]) => {
      // Commander calls with the arguments, the options and the command, in this order.
      const given = spec.argument ? [parsed[0]].flat() : [];
      const values = command.opts<Record<string, unknown>>();
      const run = await spec.load();
      exitCode = await run({ io, values, args: given.map(String) });
    });
  }

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === 'commander.unknownCommand') io.stderr.write(hintForFile(argv));
      return error.exitCode === 0 ? EXIT.done : EXIT.couldNotStart;
    }
    return explainError({ error, argv, version: VERSION_AND_COMMIT, stderr: io.stderr });
  }
}

/** The program, or the group of a command whose name has two words, made where it is the first of it. */
function parentOf(spec: CommandSpec, program: Command): Command {
  const [name = '', rest] = spec.name.split(' ');
  if (rest === undefined) return program;
  const made = program.commands.find((command) => command.name() === name);
  if (made !== undefined) return made;
  const group = COMMAND_GROUPS[name];
  return program
    .command(name)
    .description(group?.summary ?? '')
    .addHelpText('after', `\n${group?.afterword}`);
}

function toOption(spec: OptionSpec): Option {
  const notes = [
    spec.default === undefined ? '' : `default: ${spec.default}`,
    spec.env === undefined ? '' : `env: ${spec.env}`,
    spec.repeatable ? 'repeatable' : '',
  ].filter((note) => note !== '');
  const meaning = spec.meaning.replaceAll('`', '');
  const option = new Option(spec.flags, notes.length > 0 ? `${meaning} (${notes.join(', ')})` : meaning);
  if (!option.required) return option;
  return option.argParser((given: string, before: unknown) => {
    if (FLAGS.has(given)) throw new InvalidArgumentError(`Expected a value, found the option ${given}.`);
    if (!spec.repeatable) return given;
    return Array.isArray(before) ? [...before, given] : [given];
  });
}

const FLAGS: ReadonlySet<string> = new Set(OPTION_SPECS.map((spec) => spec.flags.split(' ', 1)[0] ?? ''));

function examplesText(examples: CommandSpec['examples']): string {
  const width = Math.max(...examples.map(({ command }) => command.length));
  const lines = examples.map(({ command, why }) => (width > 60 ? `  # ${why}\n  ${command}` : `  ${command.padEnd(width)}   # ${why}`));
  return `\nExamples:\n${lines.join('\n')}`;
}

function hintForFile(argv: readonly string[]): string {
  const file = argv.find((word) => !word.startsWith('-') && /\.(csv|tsv|txt|gz)$/i.test(word));
  return file === undefined ? 'memory-import --help lists the commands.\n' : `To import a file: memory-import import ${file}\n`;
}
