import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { KEY, test } from '../support/bench.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe("the README's example of the library", () => {
  test('compiles in a project that has installed the package, and imports', async ({ createBench }) => {
    const bench = await createBench();
    const { folder, sandbox } = bench;
    // What `npm install memory-import` would leave there.
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/memory-import'));
    symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    bench.write('example.mts', /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '');
    bench.write('notes.csv', 'contactId,name,text\nC-1,Call,Asked for a quote\nC-1,Call,Took the quote\nC-2,Call,\n');

    const strict = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
    await run(join(root, 'node_modules/.bin/tsc'), [...strict, 'example.mts'], { cwd: folder }).catch((error: { stdout?: string }) => {
      throw new Error(`it doesn't compile: ${error.stdout}`);
    });
    const env = { PATH: process.env.PATH, CALLERS_API_KEY: KEY, CALLERS_BASE_URL: sandbox.url };
    const example = () => run(process.execPath, ['example.mjs'], { cwd: folder, env });

    expect((await example()).stdout).toBe('2 to create, 1 would fail\nrow 3 (line 4): invalid\ncompleted_with_failures: 2 created\n');
    expect((await example()).stdout).toBe('0 to create, 1 would fail\nrow 3 (line 4): invalid\ncompleted_with_failures: 0 created\n');
    expect(sandbox.stats()).toMatchObject({ created: 2, duplicates: 0 });
  });
});
