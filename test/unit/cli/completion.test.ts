import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-specs.js';
import { completionCommand } from '../../../src/cli/commands/completion.js';
import { completedCommands } from '../../../src/cli/completion-model.js';
import { optionsOf } from '../../../src/cli/option-specs.js';
import { OptionsError } from '../../../src/errors.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import { fakeIo } from './fake-io.js';

const RUN = '20261123T030749Z-4f9a' as RunId; // of the right form
const folder = mkdtempSync(join(tmpdir(), 'completion-'));
const ledger = join(folder, 'ledger.db');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function completion(word: string, env: Record<string, string> = {}): Promise<string> {
  const { io, written } = fakeIo({ env });
  expect(await completionCommand({ io, args: [word], values: {} }, COMMANDS)).toBe(0);
  return written.stdout;
}

beforeAll(async () => {
  const target = { baseUrl: 'https://api.example/', apiKey: 'k' };
  const opened = openLedger({ path: ledger, runId: RUN, what: 'test', target, sameAccount: false, now: Date.now });
  const finished = { startedAt: '', finishedAt: '', status: 'completed', inputs: [], out: 'runs', options: {}, summary: null } as const;
  await opened.saveRun({ runId: RUN, ...finished });
  await opened.close();
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(join(folder, `completion.${shell}`), await completion(shell));
  // Stands for the command, which the scripts ask for the runs' ids.
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/memory-import'), `#!/bin/sh\n[ "$2" = run-ids ] && echo "$MEMORY_IMPORT_LEDGER-${RUN}"\n`);
  chmodSync(join(folder, 'bin/memory-import'), 0o755);
  mkdirSync(join(folder, 'exports'));
});

function shell(name: string, args: readonly string[]) {
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder, TERM: 'xterm' };
  return spawnSync(name, args, { cwd: folder, encoding: 'utf8', env });
}

/** What bash would offer behind these words; the last one is being typed. */
function inBash(...words: readonly string[]): readonly string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash that shall read it
  const script = 'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _memory_import "$1"; printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout, stderr } = shell('bash', ['--norc', '-c', script, 'bash', 'memory-import', ...words]);
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  it('offers every command, and the options of each', () => {
    expect(inBash('')).toEqual([...new Set(COMMANDS.map(({ name }) => name.split(' ', 1)[0])), '--help', '--version']);
    expect(inBash('imp')).toEqual(['import']);
    for (const { name } of COMMANDS.filter((command) => !command.name.includes(' '))) {
      const flags = optionsOf(name).map(({ flags }) => flags.split(' ', 1)[0] ?? '');
      expect(inBash(name, '--'), name).toEqual([...flags, '--help']);
    }
    expect(inBash('runs', '--l')).toEqual(['--ledger']);
    expect(inBash('ledger', '')).toEqual(['check', 'export', 'compact', 'rebuild']);
    expect(inBash('ledger', 'check', '--q')).toEqual(['--quick']);
    expect(inBash('ledger', 'check', '')).toEqual([]);
  });

  it('offers the values of options that have a few', () => {
    expect(inBash('import', 'a.csv', '--order', '')).toEqual(['contact', 'none']);
    expect(inBash('import', '--order', '=', 'n')).toEqual(['none']);
    expect(inBash('import', '--order', '=')).toEqual(['contact', 'none']);
    expect(inBash('plan', '--in-doubt', 're')).toEqual(['reconcile', 'resend', 'report']);
    expect(inBash('import', '--log-level', 'd')).toEqual(['debug']);
    expect(inBash('import', '--map', 'te')).toEqual(['text=']);
    expect(inBash('import', '--only', 'not')).toEqual(['not_found']);
    expect(inBash('import', '--rate', '')).toEqual([]);
    expect(inBash('import', '--out', 'ex')).toEqual(['exports']);
    expect(inBash('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('leaves files to bash, which knows how to quote their names', () => {
    expect(inBash('import', 'no')).toEqual([]);
    expect(inBash('import', '--ledger', 'le')).toEqual([]);
    // Not the second words again: none of them is a file's name.
    expect(inBash('ledger', 'rebuild', '')).toEqual([]);
    expect(inBash('ledger', 'rebuild', 'runs/a/success.csv', 're')).toEqual([]);
    const { stdout } = shell('bash', ['--norc', '-c', 'source completion.bash; complete -p memory-import']);
    expect(stdout).toBe('complete -o default -F _memory_import memory-import\n');
  });

  it('asks the command for run ids, of the ledger that is named', () => {
    expect(inBash('report', '')).toEqual([`-${RUN}`]);
    expect(inBash('report', '--ledger', 'crm.db', '')).toEqual([`crm.db-${RUN}`]);
  });
});

describe.each(['bash', 'zsh', 'fish'])('the script for %s', (name) => {
  const missing = shell(name, ['-c', 'true']).error !== undefined;
  it.skipIf(missing)(`can be read by ${name} (skipped where it isn't installed)`, () => {
    expect(shell(name, ['-n', join(folder, `completion.${name}`)])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('completion in fish', () => {
  it.skipIf(shell('fish', ['-c', 'true']).error !== undefined)('offers the same (skipped where fish is not installed)', () => {
    const inFish = (line: string) =>
      shell('fish', ['--no-config', '-c', `source completion.fish; complete -C '${line}'`])
        .stdout.split('\n')
        .map((candidate) => candidate.split('\t', 1)[0])
        .filter((word) => word !== '');
    expect(inFish('memory-import imp')).toEqual(['import']);
    expect(inFish('memory-import import --ord')).toEqual(['--order']);
    expect(inFish('memory-import import --order ')).toEqual(['contact', 'none']);
    expect(inFish('memory-import report --ledger crm.db ')).toEqual([`crm.db-${RUN}`]);
    expect(inFish('memory-import runs ')).toEqual([]);
    expect(inFish('memory-import ledger ')).toEqual(['check', 'export', 'compact', 'rebuild']);
    expect(inFish('memory-import ledger check ')).toEqual([]);
    expect(inFish('memory-import ledger rebuild exp')).toEqual(['exports/']);
  });
});

describe('memory-import completion', () => {
  it('gives the ids of the runs, and nothing where there are none', async () => {
    expect(await completion('run-ids', { MEMORY_IMPORT_LEDGER: ledger })).toBe(`${RUN}\n`);
    expect(await completion('run-ids', { MEMORY_IMPORT_LEDGER: join(folder, 'none.db') })).toBe('');
  });

  it('refuses a shell that it does not know', async () => {
    await expect(completion('bahs')).rejects.toThrow(OptionsError);
    await expect(completion('bahs')).rejects.toThrow(/expected one of these shells, found "bahs" \(did you mean bash\?\)/);
  });

  it('has nothing in its descriptions that a shell would take for its own', () => {
    for (const { summary, options } of completedCommands(COMMANDS)) {
      for (const text of [summary, ...options.map(({ meaning }) => meaning)]) expect(text).toMatch(/^[^'"\\$`\n]{4,72}$/);
    }
  });
});
