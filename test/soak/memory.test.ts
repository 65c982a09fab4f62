import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// `npm run test:soak`: minutes to tens of minutes. Linux only, since the peak is read from /proc.

const MEGABYTE = 1024 * 1024;
const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const stubApi = fileURLToPath(new URL('./stub-api.mjs', import.meta.url));

describe.skipIf(process.platform !== 'linux')('memory', () => {
  let folder: string;
  let api: ChildProcess;
  let port: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'memory-import-soak-'));
    api = spawn(process.execPath, [stubApi], { stdio: ['ignore', 'pipe', 'inherit'] });
    [port] = await once(createInterface({ input: api.stdout! }), 'line');
  });

  afterAll(async () => {
    api.kill();
    await rm(folder, { recursive: true, force: true });
  });

  it('a million rows stay under 200 MB, and three million take no more', { timeout: 3_600_000 }, async () => {
    const million = await importRows(1_000_000);
    const threeMillion = await importRows(3_000_000);
    console.log(`peak resident memory: ${million.peakMb} MB for 1,000,000 rows, ${threeMillion.peakMb} MB for 3,000,000`);
    expect(million).toMatchObject({ code: 0, created: 1_000_000 });
    expect(threeMillion).toMatchObject({ code: 0, created: 3_000_000 });
    expect(million.peakMb).toBeLessThan(200);
    // Where the garbage collector happens to stand moves the peak by some percent.
    expect(threeMillion.peakMb).toBeLessThan(million.peakMb * 1.15);
  });

  async function importRows(rows: number) {
    const csv = join(folder, `${rows}.csv`);
    await writeNotes(csv, rows);
    expect(statSync(csv).size).toBeGreaterThan(100 * rows);
    const child = spawn(
      process.execPath,
      [cli, 'import', csv, '--base-url', `http://127.0.0.1:${port}`, '--concurrency', '64', '--json', '--log-level', 'error'],
      { cwd: await mkdtemp(join(folder, 'run-')), env: { ...process.env, CALLERS_API_KEY: 'key' }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    let peakMb = 0;
    // The peak is kept by the kernel; the last look before the end is close enough.
    const watch = setInterval(() => {
      peakMb = Math.max(peakMb, peakOf(child.pid!));
    }, 50);
    const [code] = await once(child, 'close');
    clearInterval(watch);
    return { code, peakMb, created: JSON.parse(stdout).counts.created };
  }
});

/** The most that was ever resident, in MB; 0 when the process is gone. */
function peakOf(pid: number): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round((Number(kilobytes ?? 0) * 1024) / MEGABYTE);
  } catch {
    return 0;
  }
}

async function writeNotes(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path);
  file.write('contactId,name,text,subOrg\n');
  let block = '';
  for (let i = 0; i < rows; i++) {
    // Ten notes a contact, far apart: no contact is always the next one.
    block += `K-${i % (rows / 10)},"Call ${i}","Spoke with them about order ${i}; they want a call back next week, and a quote for ${i % 97} units.",\n`;
    if (block.length > MEGABYTE || i === rows - 1) {
      if (!file.write(block)) await once(file, 'drain');
      block = '';
    }
  }
  file.end();
  await once(file, 'close');
}
