import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-specs.js';
import { resolveSandboxOptions } from '../../../src/cli/commands/sandbox.js';
import { toImportOptions } from '../../../src/cli/import-options.js';
import type { Call } from '../../../src/cli/io.js';
import { OPTION_SPECS, optionsOf } from '../../../src/cli/option-specs.js';
import { runProgram } from '../../../src/cli/program.js';
import { repeatOptions } from '../../../src/cli/repeat-options.js';
import { resolveScreenOptions } from '../../../src/cli/screen-options.js';
import { UserError } from '../../../src/errors.js';
import { resolveOptions } from '../../../src/options.js';
import { DEFAULT_SANDBOX_KEY, MISSING_CONTACTS } from '../../../src/sandbox/options.js';
import { VERSION } from '../../../src/version.js';
import { fakeIo } from './fake-io.js';

/** Runs the command line with commands that only note how they were called. */
async function run(words: readonly string[], end: () => number = () => 0) {
  const { io, written } = fakeIo();
  const calls: Call[] = [];
  const commands = COMMANDS.map((spec) => ({
    ...spec,
    load: async () => async (call: Call) => {
      calls.push(call);
      return end();
    },
  }));
  const code = await runProgram({ argv: words, io, commands });
  return { code, call: calls[0], calls: calls.length, ...written };
}

describe('arguments', () => {
  it('become options in camelCase, with everything as it was written', async () => {
    const { call } = await run(
      'import a.csv --map text=Body -  b.csv --map name=Title --api-key-file k --base-url http://localhost:1 --adopt --rate -1 --sub-org='.split(
        / +/,
      ),
    );
    expect(call && toImportOptions(call)).toEqual({
      inputs: ['a.csv', '-', 'b.csv'],
      map: ['text=Body', 'name=Title'],
      apiKeyFile: 'k',
      baseUrl: 'http://localhost:1',
      adopt: true,
      rate: '-1',
      subOrg: '',
    });
  });

  it("leave the screen's options out of the import's", async () => {
    const { call } = await run([
      'import',
      'a.csv',
      '--json',
      '--no-progress',
      '--log-level',
      'debug',
      '--dry-run',
      '--yes',
      '--on-finish',
      './x',
    ]);
    expect(call && toImportOptions(call)).toEqual({ inputs: ['a.csv'] });
    expect(call && resolveScreenOptions(call.values)).toEqual({ json: true, progress: false, logLevel: 'debug' });
    expect(call?.values.dryRun).toBe(true);
  });

  it('after -- are inputs, whatever they look like', async () => {
    expect((await run(['import', '--', '--json'])).call?.args).toEqual(['--json']);
  });

  it('pass the exit code of the command on, and explain what it throws', async () => {
    expect((await run(['runs'], () => 3)).code).toBe(3);
    const thrown = await run(['runs'], () => {
      throw new UserError('No ledger there.');
    });
    expect(thrown).toMatchObject({ code: 2, stdout: '', stderr: 'memory-import: No ledger there.\n' });
  });
});

describe('a mistake', () => {
  it.each([
    [[], /Usage: memory-import/],
    [['imprt', 'a.csv'], /unknown command 'imprt'\n\(Did you mean import\?\)/],
    [['notes.csv'], /To import a file: memory-import import notes\.csv/],
    [['import', 'a.csv', '--concurency', '3'], /unknown option '--concurency'\n\(Did you mean --concurrency\?\)/],
    [['import'], /missing required argument 'input'/],
    [['runs', 'x'], /too many arguments/],
    [['ledger'], /Usage: memory-import ledger/],
    [['ledger', 'chek'], /unknown command 'chek'\n\(Did you mean check\?\)/],
    [['ledger', 'check', '--adopt'], /unknown option '--adopt'[\s\S]*memory-import ledger check --help/],
    [['report'], /missing required argument 'run'/],
    [['import', 'a.csv', '--rate'], /argument missing/],
    [['import', 'a.csv', '--ledger', '--json'], /Expected a value, found the option --json/],
    [['doctor', '--concurrency', '3'], /unknown option '--concurrency'/],
    [['import', 'a.csv', '--api-key', 'x'], /unknown option '--api-key'/],
    [['verfiy', 'x'], /unknown command 'verfiy'/],
  ])('like %j is exit code 2, said on stderr, and nothing runs', async (words, text) => {
    const { code, stdout, stderr, calls } = await run(words);
    expect({ code, stdout, calls }).toEqual({ code: 2, stdout: '', calls: 0 });
    expect(stderr).toMatch(text);
  });
});

describe('help', () => {
  it('of the program lists what works, and no more', async () => {
    const { code, stdout, stderr } = await run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[options\]|\[command\]| )/gm)].map((found) => found[1]);
    expect(listed).toEqual([
      'import',
      'plan',
      'doctor',
      'runs',
      'report',
      'verify',
      'undo',
      'ledger',
      'profiles',
      'sandbox',
      'worker',
      'help',
    ]);
  });

  it('of a group of commands lists them', async () => {
    const { code, stdout } = await run(['ledger', '--help']);
    expect(code).toBe(0);
    expect([...stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map((found) => found[1])).toEqual(['check', 'export', 'compact', 'rebuild']);
  });

  it.each(COMMANDS)('of $name has its options, their defaults, and examples', async ({ name }) => {
    const { code, stdout } = await run([...name.split(' '), '--help']);
    expect(code).toBe(0);
    // Without its line breaks.
    const text = stdout.replaceAll(/\s+/g, ' ');
    for (const spec of optionsOf(name)) {
      expect(text).toContain(spec.flags);
      if (spec.default) expect(text).toContain(`default: ${spec.default}`);
      if (spec.env) expect(text).toContain(`env: ${spec.env}`);
    }
    expect(stdout).toMatch(new RegExp(`^Examples:\\n(  .*memory-import ${name}.*\\n)+`, 'm'));
  });

  it('has examples that the command line takes', async () => {
    for (const { command } of COMMANDS.flatMap((spec) => spec.examples)) {
      const words = command
        .replace(/^.*memory-import /, '')
        .replaceAll('"', '')
        .replace('Note body', 'Note_body')
        .replace(/ [|>] .*/, '')
        .split(' ');
      expect(await run(words), command).toMatchObject({ code: 0, calls: 1 });
    }
  });

  it('gives the version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `memory-import ${VERSION}\n` });
  });
});

describe('the table of options', () => {
  it('shows the defaults that hold', () => {
    const shown = Object.fromEntries(
      optionsOf('import')
        .filter((spec) => spec.default !== undefined && spec.name !== 'logLevel')
        .map((spec) => [spec.name, spec.default]),
    );
    const given = { inputs: ['a.csv'], apiKey: 'k' };
    expect(Object.keys(shown).length).toBeGreaterThan(8);
    expect(resolveOptions({ ...given, ...shown }, {})).toEqual(resolveOptions(given, {}));
  });

  it("shows the sandbox's defaults that hold", () => {
    const shown = Object.fromEntries(optionsOf('sandbox').map((spec) => [spec.name, spec.default]));
    expect(resolveSandboxOptions(shown)).toEqual({
      port: 0,
      apiKey: DEFAULT_SANDBOX_KEY,
      latencyMs: 0,
      faults: {},
      missing: MISSING_CONTACTS,
      seed: 1,
    });
  });

  it('has every option that the import takes, and none that it does not', () => {
    const own = ['detach', 'dryRun', 'json', 'logLevel', 'metricsFile', 'onFinish', 'progress', 'yes'];
    for (const { name } of optionsOf('import')) {
      if (own.includes(name)) continue;
      const unknown = (() => {
        try {
          // A symbol is no option's value.
          resolveOptions({ inputs: ['a.csv'], apiKey: 'k', [name]: Symbol('none') }, {});
        } catch (error) {
          return String(error);
        }
        return 'taken';
      })();
      expect(unknown, name).toContain('expected');
    }
  });

  it('names flags as commander does', async () => {
    for (const spec of OPTION_SPECS) {
      const [flag = '', placeholder] = spec.flags.split(' ');
      const command = spec.commands[0] ?? 'import';
      const args = COMMANDS.find(({ name }) => name === command)?.argument ? ['x'] : [];
      const { call } = await run([...command.split(' '), ...args, ...(placeholder ? [flag, 'value'] : [flag])]);
      expect(call?.values, flag).toHaveProperty(spec.name);
    }
  });
});

describe('the options to give again with a failures file', () => {
  it('are those that say what a row means, quoted for a shell', () => {
    expect(
      repeatOptions({
        map: ['text=Note body', "name=It's"],
        baseUrl: 'http://127.0.0.1:1',
        concurrency: '8',
        limit: '20',
        json: true,
        progress: true,
        adopt: true,
      }),
    ).toBe("--base-url http://127.0.0.1:1 --map 'text=Note body' --map 'name=It'\\''s' --concurrency 8");
  });

  it('are none where none were given', () => {
    expect(repeatOptions({ progress: true })).toBe('');
  });
});
