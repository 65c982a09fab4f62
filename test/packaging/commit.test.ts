import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

// What `--version` says of the build: the last step of `npm run build`, in a folder that has what it needs of this one.

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commit-'));
  for (const file of ['src/stamp-commit.mjs', 'dist/version.js']) cpSync(join(root, file), join(folder, 'pkg', file));
  writeFileSync(join(folder, 'pkg/package.json'), '{ "type": "module", "version": "0.1.0" }');
  writeFileSync(join(folder, 'pkg/.gitignore'), 'dist\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Builds with nobody's git settings, and gives the version that comes of it. */
function stamped(env: Record<string, string> = {}): string {
  const clean = { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1', ...env };
  const { status, stderr } = spawnSync(process.execPath, ['src/stamp-commit.mjs'], {
    cwd: join(folder, 'pkg'),
    env: clean,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const script = "console.log((await import('./dist/version.js')).VERSION_AND_COMMIT)";
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: join(folder, 'pkg'), encoding: 'utf8' }).trim();
}

function commitAll(place: string): string {
  const git = (...args: string[]) => execFileSync('git', ['-C', place, '-c', 'user.name=t', '-c', 'user.email=t@example.test', ...args]);
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'first');
  return git('rev-parse', '--short=7', 'HEAD').toString().trim();
}

const hasGit = spawnSync('git', ['--version']).error === undefined;

test.skipIf(!hasGit)('a build in a repository names the commit, and says where there was more than that', () => {
  const commit = commitAll(join(folder, 'pkg'));
  expect(stamped()).toBe(`memory-import 0.1.0 (${commit})`);
  writeFileSync(join(folder, 'pkg/package.json'), '{ "type": "module", "version": "0.1.1" }');
  expect(stamped()).toBe(`memory-import 0.1.1 (${commit}-dirty)`);
});

test('a build without a repository, or without git, or with the name of an odd one, names none', () => {
  expect(stamped()).toBe('memory-import 0.1.0');
  mkdirSync(join(folder, 'pkg/.git'));
  expect(stamped({ PATH: '' })).toBe('memory-import 0.1.0');
  expect(stamped({ COMMIT: 'a) rm -rf (b' })).toBe('memory-import 0.1.0');
});

test('an image is told by its build', () => {
  expect(stamped({ COMMIT: 'c0ffee1' })).toBe('memory-import 0.1.0 (c0ffee1)');
  expect(readFileSync(join(folder, 'pkg/dist/commit.txt'), 'utf8')).toBe('c0ffee1\n');
  stamped();
  expect(existsSync(join(folder, 'pkg/dist/commit.txt'))).toBe(false);
});

test.skipIf(!hasGit)('a repository that the package only lies in is not its own', () => {
  commitAll(folder);
  expect(stamped()).toBe('memory-import 0.1.0');
});

// Only root can give a folder to somebody else.
test.skipIf(!hasGit || process.getuid?.() !== 0)('a folder of another user, where git refuses to look, is no reason to fail', () => {
  commitAll(join(folder, 'pkg'));
  for (const path of ['pkg', 'pkg/.git']) chownSync(join(folder, path), 65_534, 65_534);
  expect(stamped()).toBe('memory-import 0.1.0');
});
