import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

test('the demo ends well, and prints what the README shows of it', async () => {
  const { stdout } = await run(process.execPath, ['dist/cli/demo.js'], { cwd: root, env: { PATH: process.env.PATH } });
  const folder = /go to (\S+)\.\n/.exec(stdout)?.[1] ?? '';
  expect(dirname(folder)).not.toBe('.');
  rmSync(folder, { recursive: true });

  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const shown = /## Demo\n.*?```text\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const [note = '', ...parts] = shown.split(/\n\n\[…\]\n\n|(?<=^# .*\n)\n/);
  expect(note).toMatch(/^# Real output/);
  expect(parts).toHaveLength(2);

  const printed = unchanging(stdout.replaceAll(folder, '…'));
  expect(printed.startsWith(unchanging(parts[0] ?? ''))).toBe(true);
  expect(printed.endsWith(unchanging(parts[1] ?? ''))).toBe(true);
});

/** Without what differs from run to run: times, ports, run ids. */
function unchanging(output: string): string {
  return output
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:0')
    .replace(/\d{8}T\d{6}Z-[0-9a-f]{4}/g, 'RUN')
    .replace(/\([^()]*, [\d,]+ rows\/s\)/g, '(TIME)');
}
