import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-specs.js';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { OPTION_SPECS, optionsOf } from '../../../src/cli/option-specs.js';
import { FIELDS } from '../../../src/fields.js';
import { FIELD_NAMES } from '../../../src/map/header-names.js';
import { parseProfile } from '../../../src/map/profile.js';
import { FAILURE_CLASSES } from '../../../src/model.js';
import { resolveOptions } from '../../../src/options.js';
import { planImport } from '../../../src/plan.js';
import { PROFILE_IDS } from '../../../src/profiles.js';
import { planText } from '../../../src/report/plan-text.js';

const root = new URL('../../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const blocks = [...readme.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language, content]) => ({ language, content: content ?? '' }));
const FLAG = /(?<![\w-])--[a-z][a-z-]*/g;

describe('the README', () => {
  it('has its sections in the order in which a reader needs them', () => {
    const sections = [...readme.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(sections).toEqual([
      'Demo',
      "What is promised, and what isn't",
      'Install',
      'Input and mapping',
      'Outputs',
      'Running again, failures, cron',
      'After the import: verify, undo',
      'Retries and pace',
      'Exit codes',
      'Options',
      'Library',
      'How it works',
      'Development',
    ]);
  });

  it('says in its second paragraph under which conditions a note is created exactly once', () => {
    const withoutBlocks = readme.replace(/```.*?```/gs, '');
    const paragraphs = withoutBlocks.split(/\n{2,}/).filter((text) => text.trim() !== '' && !text.startsWith('#'));
    expect(paragraphs[0]).toMatch(/^`memory-import` loads notes from CSV files into Callers/);
    expect(paragraphs[1]).toMatch(/^Each note is created exactly once if .* and if the ledger is neither lost nor rolled back\./);
  });

  it('names no option that no command has', () => {
    const ours = new Set([...OPTION_SPECS.map(flagOf), '--help', '--version']);
    const prose = readme.replace(/^(npm|npx|docker) .*$|`(--build-arg|--user|npm|docker)[^`]*`/gm, '');
    const unknown = [...prose.matchAll(FLAG)].map(([flag]) => flag).filter((flag) => !ours.has(flag));
    expect(unknown).toEqual([]);
  });

  it('shows commands that exist, with options that they take', () => {
    const shown = [...readme.matchAll(/memory-import (profiles show|(?:ledger )?[a-z]+)([^\n`|)]*)/g)].filter(
      ([, , rest]) => rest !== undefined,
    );
    const called = shown.filter(([text]) => COMMANDS.some(({ name }) => text.startsWith(`memory-import ${name}`)));
    // Enough to know that the expression finds them.
    expect(new Set(called.map(([, name]) => name))).toEqual(new Set(COMMANDS.map(({ name }) => name)));
    for (const [text, name, rest = ''] of called) {
      const spec = COMMANDS.find((command) => command.name === name)!;
      const taken = optionsOf(spec.name).map(flagOf);
      for (const [flag] of rest.matchAll(FLAG)) expect(taken, text).toContain(flag);
    }
  });

  it('calls no command by a name that it does not have', () => {
    const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ content }) => content.split('\n'));
    const called = commands.flatMap((line) =>
      [...line.replace(/#.*/, '').matchAll(/(?:^|\| )memory-import ([a-z]+)/g)].map(([, name]) => name),
    );
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((name) => !COMMANDS.some((command) => command.name === name))).toEqual([]);
  });

  it('names no file or folder of this repository that is not there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path ?? '');
    const inCode = [...readme.matchAll(/(?<![\w./-])((?:src|test|samples|lint|dist\/cli|deploy|bench)\/[\w./-]*)/g)].map(
      ([, path]) => path ?? '',
    );
    const paths = new Set([...links, ...inCode].map((path) => path.replace(/\.$/, '').replace(/^dist\/(.*)\.js$/, 'src/$1.ts')));
    expect(paths.size).toBeGreaterThan(15);
    expect([...paths].filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  it('calls only scripts that package.json has', () => {
    const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> };
    const scripts = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
    expect(scripts.length).toBeGreaterThan(3);
    expect(scripts.filter((name) => manifest.scripts[name] === undefined)).toEqual([]);
  });

  it('names every exit code, and no other', () => {
    const table = section('Exit codes');
    const codes = [...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
    for (const [name, word] of [
      ['interrupted', 'SIGINT'],
      ['terminated', 'SIGTERM'],
      ['ledgerHeld', 'another run holds the ledger'],
      ['couldNotStart', 'could not start'],
      ['stopped', 'stopped by itself'],
      ['someFailed', 'some rows failed'],
    ] as const) {
      expect(table, name).toMatch(new RegExp(`^\\| ${EXIT[name]} \\| .*${word}`, 'm'));
    }
  });

  it('names every failure class once, in the order of the program', () => {
    const classes = [...section('Outputs').matchAll(/^\| `([a-z_]+)` \| .* \| .* \|$/gm)].map(([, name]) => name);
    expect(classes).toEqual(FAILURE_CLASSES);
  });

  it('has the header names that the program understands', () => {
    const rows = [...section('Input and mapping').matchAll(/^\| `(\w+)` \| (?:yes|no) \| (.*) \|$/gm)];
    expect(rows.map(([, field, names]) => [field, names?.split(', ')])).toEqual(FIELDS.map((field) => [field, FIELD_NAMES[field]]));
  });

  it('has the defaults that it speaks of', () => {
    const { reconcileWaitMs, giveUpAfterMs, retries, concurrency } = resolveOptions({ inputs: ['a.csv'], apiKey: 'k' }, {});
    expect(readme).toContain(`\`--reconcile-wait\` (${reconcileWaitMs / 1000} s)`);
    expect(readme).toContain(`\`--give-up-after\` (${giveUpAfterMs / 60_000} minutes)`);
    expect(readme).toContain(`\`--retries\` times (${retries})`);
    expect(readme).toContain(`\`--concurrency\` (${concurrency})`);
  });

  it('shows a config file that would be taken', () => {
    const config: unknown = JSON.parse(/looks like `(\{.*?\})`/.exec(readme)?.[1] ?? '');
    expect(() => resolveOptions({ inputs: ['a.csv'], apiKey: 'k', ...(config as object) }, {})).not.toThrow();
  });

  it('shows a profile that would be taken, and names those that there are', () => {
    const shown = blocks.find(({ language, content }) => language === 'json' && content.includes('"columns"'))?.content ?? '';
    expect(parseProfile(JSON.parse(shown)).problems).toEqual([]);
    const named = new Set([...readme.matchAll(/(?:--profile|profiles show) ([a-z]+-[a-z-]+)/g)].map(([, id]) => id));
    expect(named.size).toBeGreaterThan(2);
    expect([...named].filter((id) => !PROFILE_IDS.includes(id ?? ''))).toEqual([]);
  });

  it('shows of a HubSpot export what plan says of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'memory-import-readme-'));
    const [hubspot, map] = blocks.filter(({ language }) => language === 'csv').map(({ content }) => content.replace(/^ {3}/gm, ''));
    for (const [name, content] of [
      ['hubspot.csv', hubspot],
      ['map.csv', map],
    ] as const)
      writeFileSync(join(folder, name), content ?? '');
    const plan = await planImport(
      { inputs: [join(folder, 'hubspot.csv')], contacts: join(folder, 'map.csv'), ledger: join(folder, 'no.db') },
      { env: {} },
    );
    rmSync(folder, { recursive: true });
    const shown = blocks.find(({ content }) => content.includes('$ memory-import plan hubspot.csv'))?.content.replace(/^ {3}/gm, '') ?? '';
    const said = planText({ ...plan, inputs: ['hubspot.csv'] })
      .replaceAll(`${folder}/`, '')
      .split('\n');
    const lines = shown
      .split('\n')
      .slice(3)
      .filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(8);
    expect(said).toEqual(expect.arrayContaining(lines));
  });

  it('shows a summary whose counts add up', () => {
    const json = blocks.find(({ language, content }) => language === 'json' && content.includes('"counts"'))?.content ?? '';
    const { counts } = JSON.parse(json) as { counts: Record<string, number> & { failures: Record<string, number> } };
    const { rows, created, recovered, alreadyImported, duplicate, filtered, failed, failures } = counts;
    expect(created! + recovered! + alreadyImported! + duplicate! + filtered! + failed!).toBe(rows);
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(failed);
  });

  it('praises nothing', () => {
    expect(readme).not.toMatch(/robust|production-ready|blazing|seamless|powerful/i);
  });
});

function flagOf({ flags }: { readonly flags: string }): string {
  return flags.split(' ', 1)[0] ?? '';
}

function section(title: string): string {
  const start = readme.indexOf(`\n## ${title}\n`);
  expect(start, title).toBeGreaterThan(0);
  const end = readme.indexOf('\n## ', start + 1);
  return readme.slice(start, end < 0 ? undefined : end);
}
