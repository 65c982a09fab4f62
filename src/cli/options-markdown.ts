import { COMMANDS } from './command-specs.js';
import { type CommandName, type OptionSpec, optionsOf } from './option-specs.js';

/** The README's tables of options, from the same source as `--help`. */
export function optionsMarkdown(): string {
  const inImport = optionsOf('import');
  const others = COMMANDS.filter(({ name }) => name !== 'import' && name !== 'sandbox' && optionsOf(name).length > 0);
  return [
    table(inImport),
    '',
    'The other commands take some of these, with the same meaning:',
    '',
    ...others.map(({ name }) => `- \`${name}\`: ${sharedOptions(name, inImport)}${ownOptions(name, inImport)}`),
    '',
    'And the sandbox:',
    '',
    table(optionsOf('sandbox')),
  ].join('\n');
}

function table(specs: readonly OptionSpec[]): string {
  return ['| option | default | meaning |', '| --- | --- | --- |', ...specs.map(row)].join('\n');
}

function row(spec: OptionSpec): string {
  const fallback = [spec.default === undefined ? '' : `\`${spec.default}\``, spec.env === undefined ? '' : `env \`${spec.env}\``].filter(
    (part) => part !== '',
  );
  const meaning = `${spec.meaning}${spec.repeatable ? '; repeatable' : ''}`;
  return `| \`${cell(spec.flags)}\` | ${fallback.join(', ')} | ${cell(meaning)} |`;
}

function sharedOptions(command: CommandName, inImport: readonly OptionSpec[]): string {
  const own = optionsOf(command).filter((spec) => inImport.includes(spec));
  const missing = inImport.filter((spec) => !own.includes(spec));
  const names = (specs: readonly OptionSpec[]) => specs.map((spec) => `\`${spec.flags.split(' ', 1)[0]}\``).join(', ');
  return missing.length < 5 ? `all but ${names(missing)}` : names(own);
}

/** What only this command has: nowhere else is its meaning said. */
function ownOptions(command: CommandName, inImport: readonly OptionSpec[]): string {
  const own = optionsOf(command).filter((spec) => !inImport.includes(spec));
  return own.map((spec) => `; \`${spec.flags}\`: ${spec.meaning}`).join('');
}

/** A pipe would end the cell, in code too. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
