import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { freeBytes, LEAST_BYTES, requireDiskSpace } from '../../../src/run/disk-space.js';
import type { Survey } from '../../../src/run/survey.js';

const folder = mkdtempSync(join(tmpdir(), 'disk-space-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Neither is there yet. */
const PLACES = { ledger: join(folder, 'a/b/ledger.db'), out: join(folder, 'runs') };
const MB = 1e6;

function surveyed(rows: number, toSend = rows): Survey {
  return { rows: { count: rows, precision: 'about' }, toSend: { count: toSend, precision: 'about' }, seen: 1001, subOrgs: [] };
}

describe('an import whose ledger and reports would not fit on the disk', () => {
  test('is refused with what it needs, what is free, and where', () => {
    const start = () => requireDiskSpace(PLACES, surveyed(10_000_000), () => 2500 * MB);
    expect(start).toThrow(UserError);
    expect(start).toThrow(
      /about 10,000,000 rows, the ledger in .*a\/b and the reports in .*runs may take 5\.5 GB, and 2\.5 GB are free\. Nothing was sent\..*--ledger and --out/,
    );
  });

  test('is let go where it would', () => {
    expect(() => requireDiskSpace(PLACES, surveyed(10_000_000), () => 6000 * MB)).not.toThrow();
    expect(() => requireDiskSpace(PLACES, surveyed(300), () => 2 * MB)).not.toThrow();
  });

  test('is let go where the ledger knows the notes already, and only the reports grow', () => {
    expect(() => requireDiskSpace(PLACES, surveyed(10_000_000, 0), () => 2500 * MB)).not.toThrow();
  });

  test('of an unknown size needs as much as any import may', () => {
    expect(() => requireDiskSpace(PLACES, null, () => LEAST_BYTES - 1)).toThrow(
      /an input of unknown size.*may take 52 MB, and 52 MB are free/,
    );
    expect(() => requireDiskSpace(PLACES, null, () => LEAST_BYTES)).not.toThrow();
  });

  test('is let go where the system does not tell what is free', () => {
    expect(() => requireDiskSpace(PLACES, surveyed(10_000_000), () => null)).not.toThrow();
    expect(freeBytes(join(folder, 'not there'))).toBeNull();
    expect(freeBytes(folder)).toBeGreaterThan(0);
  });
});
