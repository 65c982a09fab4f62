import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPTION_SPECS } from '../../../src/cli/option-specs.js';
import { optionsMarkdown } from '../../../src/cli/options-markdown.js';

const README = new URL('../../../README.md', import.meta.url);
const BLOCK = /(?<=<!-- options:start -->\n).*(?=<!-- options:end -->)/s;

const readme = existsSync(README) ? readFileSync(README, 'utf8') : '';

describe("the README's options", () => {
  it.skipIf(!BLOCK.test(readme))('are those of --help (UPDATE_DOCS=1 writes them)', () => {
    const expected = `\n${optionsMarkdown()}\n\n`;
    if (process.env.UPDATE_DOCS)
      writeFileSync(
        README,
        readme.replace(BLOCK, () => expected),
      );
    else expect(BLOCK.exec(readme)?.[0]).toBe(expected);
  });

  it('name every option, in tables whose rows have three cells', () => {
    const markdown = optionsMarkdown();
    for (const { flags } of OPTION_SPECS) expect(markdown).toContain(`\`${flags.replaceAll('|', '\\|')}\``);
    const rows = markdown.split('\n').filter((line) => line.startsWith('|'));
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|'), row).toHaveLength(5);
  });
});
