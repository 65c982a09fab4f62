import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedger, openLedgerToRead } from '../../src/ledger/sqlite.js';
import { fingerprint, runId } from '../contract/ledger-store.js';
import { startLedgerProcess } from './ledger-process.js';

const SIZE = 20;
const NOBODY = 65_534;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-disk-'));
  path = join(folder, 'place', 'ledger.db');
  mkdirSync(join(folder, 'place'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function openHere() {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  return openLedger({ path, runId: runId('check'), what: 'test', target, sameAccount: false, now: Date.now });
}

describe('on a disk that is full', () => {
  test.each([0, 1, 4, 16])(
    'at the start (no file may have more than %i KB), it says so before anything is sent',
    async (maxFileKilobytes) => {
      const running = startLedgerProcess({ kind: 'loop', path, runId: 'run-1', batches: 1, size: 1 }, { maxFileKilobytes });
      await running.ended();
      expect(running.lines).toHaveLength(1);
      expect(running.lines[0]).toMatch(/^error UserError: .*Nothing was sent/);
      await openHere().close(); // with room again it is as good as new
    },
  );

  test.each([
    [300, 100_000],
    [900, 25],
    [2500, 25],
  ])(
    'in the middle of a run (%i KB, %i notes in the tail), the commit that fails leaves no trace, and what was told is there',
    async (maxFileKilobytes, tailLength) => {
      const running = startLedgerProcess(
        { kind: 'loop', path, runId: 'run-1', batches: 100_000, size: SIZE, tailLength },
        { maxFileKilobytes },
      );
      await running.ended();
      const told = running.lines.filter((line) => line.startsWith('ok ')).length;
      expect(told).toBeGreaterThan(1);
      expect(running.lines.at(-2)).toBe(`try ${told}`);
      expect(running.lines.at(-1)).toMatch(/^error LedgerError: The ledger failed: /);

      const ledger = openHere();
      for (let batch = 0; batch <= told; batch++) {
        const notes = await ledger.lookup(Array.from({ length: SIZE }, (_, i) => fingerprint(`run-1 ${batch} ${i}`)));
        for (const [place, note] of notes.entries()) {
          if (batch === told) expect(note).toBeNull();
          else if (batch === told - 1 || place % 5 > 2) expect(note?.state).toBe('in_doubt');
          else expect(note?.state).toBe((['created', 'failed', 'released'] as const)[place % 5]);
        }
      }
      await ledger.close();
    },
  );
});

// Root may write everywhere: the process drops its rights, which only root can.
describe.skipIf(process.getuid?.() !== 0)('for a user who may not write', () => {
  const asNobody = (kind: 'loop' | 'hold') => startLedgerProcess({ kind, path, runId: 'run-2', batches: 1, size: 1, uid: NOBODY });
  beforeEach(() => {
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'place'), 0o755);
  });

  test('a folder: it is said before anything is sent', async () => {
    const running = asNobody('loop');
    await running.ended();
    expect(running.lines).toEqual([expect.stringMatching(/^error UserError: The ledger .* can't be written: .*EACCES.*Nothing was sent/)]);
    expect(existsSync(path)).toBe(false);
  });

  test('a ledger that is somebody else\u2019s: the same, and it stays as it was', async () => {
    await openHere().close();
    chmodSync(path, 0o644);
    chmodSync(`${path}-lock`, 0o644);
    const running = asNobody('loop');
    await running.ended();
    expect(running.lines).toEqual([expect.stringMatching(/^error UserError: .*Nothing was sent/)]);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    await openLedgerToRead(path)?.close();
  });

  test('a file that is read-only, in a folder of one\u2019s own: the same', async () => {
    await openHere().close();
    chownSync(join(folder, 'place'), NOBODY, NOBODY);
    for (const suffix of ['-lock', '-wal', '-shm']) if (existsSync(path + suffix)) chownSync(path + suffix, NOBODY, NOBODY);
    chmodSync(path, 0o444);
    const running = asNobody('loop');
    await running.ended();
    expect(running.lines).toEqual([expect.stringMatching(/^error UserError: .*Nothing was sent/)]);
  });
});
