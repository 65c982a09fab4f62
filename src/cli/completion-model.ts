import { FAILURE_CLASSES } from '../model.js';
import { PROFILE_IDS } from '../profiles.js';
import { type CommandName, type OptionSpec, optionsOf } from './option-specs.js';

/** Of a command's specification what matters here. */
export interface CommandShape {
  readonly name: CommandName;
  readonly summary: string;
  readonly argument?: { readonly name: string };
}

/** The command line, as a shell needs to know it to complete it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** What its arguments are; null: it takes none. */
  readonly argument: Completed | null;
  /** Of a command of two words: the second ones, and what may stand behind each. Otherwise empty. */
  readonly second: readonly { readonly word: string; readonly argument: Completed | null }[];
  readonly options: readonly CompletedOption[];
}

export interface CompletedOption {
  /** With its dashes. */
  readonly flag: string;
  /** Short, without quotes and line ends. */
  readonly meaning: string;
  /** null: it takes none. */
  readonly value: Completed | null;
  readonly repeatable: boolean;
}

export type Completed =
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  /** Asked of the command: `completion run-ids`. */
  | { readonly kind: 'run_ids' }
  /** One that ends in `=` goes on. */
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Nobody can guess. */
  | { readonly kind: 'anything' };

/** From the same source as `--help`. */
export function completedCommands(commands: readonly CommandShape[]): readonly CompletedCommand[] {
  const completed = commands.map(({ name, summary, argument }) => ({
    name,
    summary: short(summary),
    argument: argument === undefined ? null : argumentOf(argument.name),
    second: [],
    options: [...optionsOf(name).map(optionOf), { flag: '--help', meaning: 'options and examples', value: null, repeatable: false }],
  }));
  return grouped(completed);
}

/** Commands of two words as one of their first word, whose options are those of all of them. */
function grouped(commands: readonly CompletedCommand[]): readonly CompletedCommand[] {
  const groups = new Map<string, CompletedCommand[]>();
  for (const command of commands) {
    const [first = ''] = command.name.split(' ');
    groups.set(first, [...(groups.get(first) ?? []), command]);
  }
  return [...groups].map(([name, members]) => {
    const own = members.find((member) => member.name === name);
    if (own !== undefined && members.length === 1) return own;
    const others = members.filter((member) => member !== own);
    const second = others.map((member) => ({ word: member.name.slice(name.length + 1), argument: member.argument }));
    const options = new Map(members.flatMap((member) => member.options.map((option) => [option.flag, option] as const)));
    const summary = own?.summary ?? second.map(({ word }) => word).join(', ');
    return { name, summary, argument: own?.argument ?? null, second, options: [...options.values()] };
  });
}

/** `<input...>`, `<run>`, `<bash|zsh|fish>`. */
function argumentOf(name: string): Completed {
  const inside = name.replace(/^[<[]|\.*[>\]]$/g, '');
  if (inside === 'input' || inside === 'success.csv') return { kind: 'files' };
  if (inside === 'id') return { kind: 'words', words: PROFILE_IDS };
  if (inside === 'run') return { kind: 'run_ids' };
  return inside.includes('|') ? { kind: 'words', words: inside.split('|') } : { kind: 'anything' };
}

function optionOf(spec: OptionSpec): CompletedOption {
  const [flag = '', ...rest] = spec.flags.split(' ');
  const placeholder = rest.join(' ').replace(/^<|>$/g, '');
  const repeatable = spec.repeatable === true;
  return { flag, meaning: short(spec.meaning), value: placeholder === '' ? null : completedValue(spec.name, placeholder), repeatable };
}

const FIELD_WORDS = ['contactId=', 'name=', 'text=', 'subOrg='];

/** What the placeholder doesn't say. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  map: FIELD_WORDS,
  set: FIELD_WORDS,
  delimiter: ['auto', 'tab'],
  encoding: ['auto', 'utf-8', 'utf-16le', 'utf-16be', 'windows-1252'],
  only: FAILURE_CLASSES,
  logLevel: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
};

/** `path`, `dir`, or `reconcile, resend or report`. */
function completedValue(name: string, placeholder: string): Completed {
  const words = WORDS[name];
  if (words !== undefined) return { kind: 'words', words };
  if (placeholder === 'path' || placeholder === 'id or path' || name === 'onFinish') return { kind: 'files' };
  // A file that is to be made isn't there yet; its folder is.
  if (placeholder === 'dir' || placeholder === 'file') return { kind: 'folders' };
  const listed = /^[\w-]+(?:, [\w-]+)* or [\w-]+$/.test(placeholder) && !placeholder.startsWith('n or ');
  return listed ? { kind: 'words', words: placeholder.split(/, | or /) } : { kind: 'anything' };
}

const LONGEST = 70;

/** Its first clause, fit for a list of candidates. */
function short(meaning: string): string {
  const clause = (meaning.split(/; | \(/, 1)[0] ?? '').replaceAll('`', '');
  const plain = clause.replace(/["'\\$]/g, '’');
  return plain.length > LONGEST ? `${plain.slice(0, plain.lastIndexOf(' ', LONGEST))} …` : plain;
}
