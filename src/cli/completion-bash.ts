import { assertNever } from '../model.js';
import type { Completed, CompletedCommand } from './completion-model.js';

/** For bash 3.2 (macOS has no newer one) and later. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completes memory-import in bash. In ~/.bashrc: eval "$(memory-import completion bash)"
_memory_import() {
  local program=$1 current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # bash takes \`--order=none\` for three words.
  if [[ $current == '=' ]]; then current=''
  elif [[ $previous == '=' ]] && ((COMP_CWORD > 1)); then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi

  if ((COMP_CWORD == 1)); then
    _memory_import_words '${names} --help --version'
    return
  fi
  case $previous in
${valueCases(commands)}
  esac
  case \${COMP_WORDS[1]} in
${commands.map(commandCase).join('\n')}
  esac
}

_memory_import_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
  # Nothing of ours: no file's name either. One that ends in = goes on without a space.
  compopt +o default 2>/dev/null
  [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}

_memory_import_run_ids() {
  local i ledger=\${MEMORY_IMPORT_LEDGER-}
  for ((i = 2; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == --ledger ]] && ledger=\${COMP_WORDS[i+1]}
  done
  _memory_import_words "$(MEMORY_IMPORT_LEDGER=$ledger "$program" completion run-ids 2>/dev/null)"
}

# An empty answer means: complete a file's name, as everywhere.
complete -o default -F _memory_import memory-import
`;
}

/** Options that are completed alike stand together: a flag means the same in every command. */
function valueCases(commands: readonly CompletedCommand[]): string {
  const flags = new Map<string, Set<string>>();
  for (const { flag, value } of commands.flatMap(({ options }) => options)) {
    if (value === null) continue;
    const action = actionOf(value);
    flags.set(action, (flags.get(action) ?? new Set()).add(flag));
  }
  return [...flags].map(([action, names]) => `    ${[...names].join(' | ')}) ${action}; return ;;`).join('\n');
}

function commandCase({ name, argument, second, options }: CompletedCommand): string {
  const flags = options.map(({ flag }) => flag).join(' ');
  const words = second.map(({ word }) => word).join(' ');
  const behind = second.map((one) => `${one.word}) ${argumentAction(one.argument)} ;;`).join(' ');
  const others =
    second.length === 0
      ? `else ${argumentAction(argument)}`
      : `elif ((COMP_CWORD == 2)); then _memory_import_words '${words}'; else case \${COMP_WORDS[2]} in ${behind} esac`;
  return `    ${name}) if [[ $current == -* ]]; then _memory_import_words '${flags}'; ${others}; fi ;;`;
}

function argumentAction(argument: Completed | null): string {
  return argument === null ? "_memory_import_words ''" : actionOf(argument);
}

function actionOf(completed: Completed): string {
  switch (completed.kind) {
    case 'files':
      return ':';
    case 'folders':
      return 'COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames 2>/dev/null';
    case 'run_ids':
      return '_memory_import_run_ids';
    case 'words':
      return `_memory_import_words '${completed.words.join(' ')}'`;
    case 'anything':
      return "_memory_import_words ''";
    default:
      return assertNever(completed);
  }
}
