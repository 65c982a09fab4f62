import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

// Of the built program: what is loaded at the start takes time and memory of each run.

const NATIVE = /sqlite[^/]*\.node$/;

function librariesOf(program: string): readonly string[] {
  const code = `await ${program}; console.log(JSON.stringify(process.report.getReport().sharedObjects));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: new URL('../../', import.meta.url),
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as string[]; // printed above
}

test('SQLite is loaded where a ledger in a file is opened, and not before', () => {
  for (const module of ['import', 'cli/commands/import', 'cli/commands/doctor'])
    expect(
      librariesOf(`import('./dist/${module}.js')`).filter((name) => NATIVE.test(name)),
      module,
    ).toEqual([]);
  // The test can tell.
  expect(librariesOf(`import('./dist/ledger/sqlite.js')`).some((name) => NATIVE.test(name))).toBe(true);
});
