import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reportFile } from '../../../src/report/report-file.js';
import { openReportFile } from '../../../src/report/run-folder.js';
import { temporaryFolder } from './fixtures.js';

describe('a report on disk', () => {
  test('has everything in the order it was given, text and bytes', async () => {
    const path = join(await temporaryFolder(), 'a.csv');
    const file = reportFile(path, await openReportFile(path));
    const expected: string[] = [];
    for (let i = 0; i < 20_000; i++) {
      const line = `${i} grün 🙂\n`;
      expected.push(line);
      file.append(i % 3 === 0 ? Buffer.from(line) : line);
      if (i % 100 === 0) await file.ready();
    }
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(expected.join(''));
  });

  test('writes nothing for a small row, and in blocks once there is enough', async () => {
    const path = join(await temporaryFolder(), 'a.csv');
    const file = reportFile(path, await openReportFile(path));
    file.append('small');
    await file.ready();
    expect((await stat(path)).size).toBe(0);
    file.append('x'.repeat(70_000));
    await file.ready();
    await file.flush();
    expect((await stat(path)).size).toBe(70_005);
    await file.close();
  });

  test.runIf(process.platform === 'linux')('says which file failed and why, to everyone who goes on', async () => {
    const file = reportFile('runs/success.csv', await open('/dev/full', 'w'));
    file.append('x'.repeat(70_000));
    await file.ready(); // the block is under way
    await expect(file.flush()).rejects.toThrow(/^can't write runs\/success\.csv: ENOSPC/);
    file.append('more');
    await expect(file.ready()).rejects.toThrow(/ENOSPC/);
    await expect(file.close()).rejects.toThrow(/ENOSPC/);
  });

  test.runIf(process.platform === 'linux')('holds back the one who writes while a block is under way', async () => {
    const file = reportFile('full.csv', await open('/dev/full', 'w'));
    file.append('x'.repeat(70_000));
    await file.ready();
    file.append('x'.repeat(70_000));
    // Two blocks are held: the second waits for the first, and so learns of its end.
    await expect(file.ready()).rejects.toThrow(/ENOSPC/);
    await file.close().catch(() => undefined);
  });
});
