import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

// What a user gets from `npm install memory-import`, made and installed as npm does it, into a folder that has nothing else.

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'memory-import-tarball-'));
const installed = join(folder, 'node_modules/memory-import');
const command = join(folder, 'node_modules/.bin/memory-import');
const run = promisify(execFile);

beforeAll(async () => {
  // Not by `prepare`, which would build under the feet of the other tests.
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root });
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', `./${tarball}`], { cwd: folder });
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('npx runs the command', async () => {
  const { stdout } = await run('npx', ['--no-install', 'memory-import', '--version'], { cwd: folder });
  expect(stdout).toMatch(/^memory-import \d+\.\d+\.\d+\S*( \(\S+\))?\n$/);
});

test('the sample that comes along is imported into the sandbox that comes along', async () => {
  const sandbox = spawn(command, ['sandbox', '--port', '0'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void sandbox.kill());
  const [url] = await once(createInterface({ input: sandbox.stdout }), 'line');

  const args = ['import', join(installed, 'samples/crm-notes.csv'), '--base-url', url, '--json', '--log-level', 'error'];
  const imported = run(command, args, { cwd: folder, env: { ...process.env, CALLERS_API_KEY: 'sandbox-key' } });
  const failed: unknown = await imported.catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/"created":277,/) });
});

test('the library can be imported by its name', async () => {
  const { stdout } = await run(process.execPath, ['-e', "console.log(Object.keys(await import('memory-import')).join())"], { cwd: folder });
  expect(stdout.trim().split(',')).toEqual(expect.arrayContaining(['importMemories', 'planImport', 'UserError']));
});

test('it brings the examples for cron, and no sources and no tests', () => {
  expect(readdirSync(installed).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'deploy', 'dist', 'package.json', 'samples']);
});
