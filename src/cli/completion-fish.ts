import { assertNever } from '../model.js';
import type { Completed, CompletedCommand } from './completion-model.js';

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const first = 'complete -c memory-import -n __fish_use_subcommand';
  return `# Completes memory-import in fish: memory-import completion fish >~/.config/fish/completions/memory-import.fish
function __memory_import_run_ids
    set -l words (commandline -opc)
    set -l ledger $MEMORY_IMPORT_LEDGER
    if set -l at (contains -i -- --ledger $words); and test (count $words) -gt $at
        set ledger $words[(math $at + 1)]
    end
    MEMORY_IMPORT_LEDGER="$ledger" $words[1] completion run-ids 2>/dev/null
end

complete -c memory-import -f
${commands.map(({ name, summary }) => `${first} -a ${name} -d '${summary}'`).join('\n')}
${first} -l help -d 'the commands'
${first} -l version -d 'version and commit'
${commands.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ name, argument, second, options }: CompletedCommand): readonly string[] {
  const seen = `__fish_seen_subcommand_from ${name}`;
  const within = `complete -c memory-import -n '${seen}'`;
  const words = second.map(({ word }) => word).join(' ');
  return [
    ...(argument === null ? [] : [`${within} ${argumentsOf(argument)}`]),
    ...(second.length === 0
      ? []
      : [`complete -c memory-import -n '${seen}; and not __fish_seen_subcommand_from ${words}' -k -a '${words}'`]),
    ...second.flatMap((one) =>
      one.argument === null
        ? []
        : [`complete -c memory-import -n '${seen}; and __fish_seen_subcommand_from ${one.word}' ${argumentsOf(one.argument)}`],
    ),
    ...options.map(
      ({ flag, meaning, value }) => `${within} -l ${flag.slice(2)}${value === null ? '' : ` ${completedBy(value)}`} -d '${meaning}'`,
    ),
  ];
}

function argumentsOf(completed: Completed): string {
  return completed.kind === 'files' ? '-F' : completedBy(completed).replace(/^-x /, '-k ');
}

function completedBy(completed: Completed): string {
  switch (completed.kind) {
    case 'files':
      return '-r -F';
    case 'folders':
      return "-x -a '(__fish_complete_directories)'";
    case 'run_ids':
      return "-x -a '(__memory_import_run_ids)'";
    case 'words':
      return `-x -a '${completed.words.join(' ')}'`;
    case 'anything':
      return '-x';
    default:
      return assertNever(completed);
  }
}
