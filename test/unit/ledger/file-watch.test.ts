import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFile } from '../../../src/ledger/file-watch.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-watch-'));
  path = join(folder, 'ledger.db');
  writeFileSync(path, 'one');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a file that is written to is still the one', () => {
  const watch = watchFile(path);
  writeFileSync(path, 'more', { flag: 'a' });
  expect(watch.lost()).toBeNull();
});

test('a file that was deleted, with its folder or alone, or replaced is lost', () => {
  const watch = watchFile(path);
  renameSync(path, join(folder, 'aside'));
  expect(watch.lost()).toBe('was deleted');
  writeFileSync(path, 'one');
  expect(watch.lost()).toBe('was replaced by another file');
  rmSync(path);
  renameSync(join(folder, 'aside'), path);
  expect(watch.lost()).toBeNull();
  rmSync(folder, { recursive: true });
  expect(watch.lost()).toBe('was deleted');
});

test('the loss is told once, by itself', async () => {
  const watch = watchFile(path);
  const told: string[] = [];
  await new Promise<void>((resolve) => {
    const release = watch.every(1, (how) => {
      told.push(how);
      release();
      // What would be told a second time comes before this.
      setTimeout(resolve, 20);
    });
    rmSync(path);
  });
  expect(told).toEqual(['was deleted']);
});
