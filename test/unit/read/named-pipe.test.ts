import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openNamedPipe } from '../../../src/read/named-pipe.js';

const folder = mkdtempSync(join(tmpdir(), 'memory-import-pipe-'));
let made = 0;
const makePipe = () => {
  const path = join(folder, `pipe-${made++}`);
  execFileSync('mkfifo', [path]);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true }));

describe('a named pipe', () => {
  it('is read as it is written, through pauses and several chunks, to the end', async () => {
    const path = makePipe();
    const pipe = await openNamedPipe(path);
    const first = pipe.read();
    const writer = await open(path, 'w');
    await writer.write('one');
    expect(`${await first}`).toBe('one');
    const second = pipe.read();
    await writer.write('two');
    expect(`${await second}`).toBe('two');
    const large = Buffer.alloc(300_000, 'x');
    const writing = writer.writeFile(large).then(() => writer.close());
    let length = 0;
    for (let chunk = await pipe.read(); chunk !== null; chunk = await pipe.read()) length += chunk.length;
    expect(length).toBe(large.length);
    await writing;
    await pipe.close();
  });

  it('into which nobody writes can be closed', async () => {
    const pipe = await openNamedPipe(makePipe());
    const reading = pipe.read();
    await pipe.close();
    await pipe.close();
    expect(await reading).toBeNull();
  });
});
