import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { createRunFolder, isRunId, newRunId, openReportFile } from '../../../src/report/run-folder.js';
import { temporaryFolder } from './fixtures.js';

const RUN = newRunId(Date.UTC(2026, 10, 23, 3, 7, 49, 311), () => 0);

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('a run id', () => {
  test('is the time in UTC, and four digits of milliseconds and chance', () => {
    expect(RUN).toBe('20261123T030749Z-4f9d');
    expect(newRunId(0, () => 0)).toBe('19700101T000000Z-0000');
    expect(newRunId(0, () => 0.9999999)).toBe('19700101T000000Z-0041');
    expect(newRunId(999, () => 0.9999999)).toBe('19700101T000000Z-ffff');
  });

  test('sorts by time, also within a second: `report` and `runs` go by it', () => {
    const ids = [0, 1, 2, 500, 501, 999, 1000].map((now) => newRunId(now, () => 0.5));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(['', '../etc', '20261123T030749Z-4f9a/..', '20261123T030749Z-4F9A', '20261123T030749Z-4f9a\n', ' 20261123T030749Z-4f9a'])(
    '%j is none',
    (text) => {
      expect(isRunId(text)).toBe(false);
    },
  );

  test('is recognised', () => expect(isRunId(RUN)).toBe(true));
});

describe("a run's folder", () => {
  test('is made with its parents, for the owner only', async () => {
    const base = await temporaryFolder();
    const folder = await createRunFolder(join(base, 'a', 'b'), RUN);
    expect(folder).toBe(join(base, 'a', 'b', RUN));
    for (const path of [join(base, 'a'), join(base, 'a', 'b'), folder]) expect(await modeOf(path)).toBe(0o700);
  });

  test('leaves parents that exist as they are', async () => {
    const out = join(await temporaryFolder(), 'out');
    await mkdir(out, { mode: 0o755 });
    await createRunFolder(out, RUN);
    expect(await modeOf(out)).toBe(0o755);
  });

  test('is refused where a file, or a symbolic link, is in its way', async () => {
    const out = await temporaryFolder();
    await writeFile(join(out, RUN), '');
    await expect(createRunFolder(out, RUN)).rejects.toThrow(UserError);
    await expect(createRunFolder(join(out, RUN), RUN)).rejects.toThrow(/choose another place with --out/);

    const other = await temporaryFolder();
    await symlink(out, join(other, RUN));
    await expect(createRunFolder(other, RUN)).rejects.toThrow(UserError);
  });

  // proc is read-only for everyone, root included.
  test.runIf(process.platform === 'linux')('is refused in a place that nobody can write to', async () => {
    await expect(createRunFolder('/proc/self/task', RUN)).rejects.toThrow(UserError);
  });

  test.skipIf(process.getuid?.() === 0)('is refused in a read-only folder', async () => {
    const out = join(await temporaryFolder(), 'out');
    await mkdir(out, { mode: 0o500 });
    await expect(createRunFolder(out, RUN)).rejects.toThrow(/EACCES/);
  });
});

describe('a report file', () => {
  test('is made for the owner only, and never written over', async () => {
    const path = join(await temporaryFolder(), 'success.csv');
    const handle = await openReportFile(path);
    await handle.writeFile('kept');
    await handle.close();
    expect(await modeOf(path)).toBe(0o600);
    await expect(openReportFile(path)).rejects.toThrow(UserError);
    expect(await readFile(path, 'utf8')).toBe('kept');
  });

  test('does not follow a link, dangling or not', async () => {
    const folder = await temporaryFolder();
    const target = join(folder, 'target');
    await symlink(target, join(folder, 'dangling.csv'));
    await expect(openReportFile(join(folder, 'dangling.csv'))).rejects.toThrow(UserError);
    await expect(stat(target)).rejects.toThrow(/ENOENT/);
    await writeFile(target, 'kept');
    await expect(openReportFile(join(folder, 'dangling.csv'))).rejects.toThrow(UserError);
    expect(await readFile(target, 'utf8')).toBe('kept');
  });
});
