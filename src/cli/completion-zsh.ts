import { assertNever } from '../model.js';
import type { Completed, CompletedCommand, CompletedOption } from './completion-model.js';

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef memory-import
# Completes memory-import in zsh. In ~/.zshrc, behind compinit: source <(memory-import completion zsh)
_memory_import() {
  if ((CURRENT == 2)); then
    local -a commands=(
${commands.map(({ name, summary }) => `      '${name}:${escaped(summary)}'`).join('\n')}
      '--help:the commands' '--version:version and commit'
    )
    _describe 'command' commands
    return
  fi
  local program=$words[1] command=$words[2]
  # From here on the command is what takes the arguments.
  shift words
  ((CURRENT--))
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}

_memory_import_run_ids() {
  local ledger=\${words[$((\${words[(i)--ledger]} + 1))]:-$MEMORY_IMPORT_LEDGER}
  local -a ids=(\${(f)"$(MEMORY_IMPORT_LEDGER=$ledger $program completion run-ids 2>/dev/null)"})
  compadd -V runs -a ids
}

if [[ $funcstack[1] == _memory_import ]]; then _memory_import "$@"; else compdef _memory_import memory-import; fi
`;
}

function commandCase({ name, argument, second, options }: CompletedCommand): string {
  const words = second.map(({ word }) => word).join(' ');
  const behind = second.flatMap((one) => (one.argument === null ? [] : [`[[ $words[2] == ${one.word} ]] && ${actionOf(one.argument)}`]));
  const specs = [
    ...options.map(optionSpec),
    ...(argument === null ? [] : [`'*:argument:${actionOf(argument)}'`]),
    ...(second.length === 0 ? [] : [`'1:command:(${words})'`, `'*:argument:{${behind.join('; ')}}'`]),
  ];
  return `    ${name})\n      _arguments -S : \\\n${specs.map((spec) => `        ${spec}`).join(' \\\n')}\n      ;;`;
}

function optionSpec({ flag, meaning, value, repeatable }: CompletedOption): string {
  const often = repeatable ? '*' : '';
  return value === null ? `'${often}${flag}[${escaped(meaning)}]'` : `'${often}${flag}=[${escaped(meaning)}]:value:${actionOf(value)}'`;
}

function actionOf(completed: Completed): string {
  switch (completed.kind) {
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'run_ids':
      return '_memory_import_run_ids';
    case 'words':
      return completed.words.some((word) => word.endsWith('='))
        ? `compadd -S "" -- ${completed.words.join(' ')}`
        : `(${completed.words.join(' ')})`;
    case 'anything':
      return ' ';
    default:
      return assertNever(completed);
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]:]/g, (character) => `\\${character}`);
}
