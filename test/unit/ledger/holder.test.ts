import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { liveHolder } from '../../../src/ledger/holder.js';

/** A ledger's path, with a note beside it that this process holds it. */
function heldBy(pid: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-holder-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'ledger.db');
  writeFileSync(`${path}-holder.json`, JSON.stringify({ pid, host: hostname(), since: '2026-11-23T03:00:00Z', what: 'import a.csv' }));
  return path;
}

describe('who seems to hold the ledger', () => {
  test('is a process that lives', () => {
    expect(liveHolder(heldBy(process.pid))?.pid).toBe(process.pid);
  });

  test.skipIf(process.platform !== 'linux')('is nobody once it was killed, also before its parent has collected it', async () => {
    // The shell becomes a program that never asks for its children: the first one stays a zombie.
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    // As long as it is a shell it may collect it.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n');
    const path = heldBy(pid);
    expect(liveHolder(path)?.pid).toBe(pid);
    process.kill(pid, 'SIGKILL');
    const stateOf = () => /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    await expect.poll(stateOf).toBe('Z');
    expect(liveHolder(path)).toBe(null);
  });
});
