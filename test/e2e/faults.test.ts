import { describe, expect } from 'vitest';
import { FAULT_KINDS, type FaultKind } from '../../src/sandbox/faults.js';
import { test } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConservation, expectConverged } from '../support/promises.js';
import { successRows } from '../support/reports.js';

// Each kind alone, a few hundred rows: whatever the server does to every tenth request, the end is the same.
const SHARE: Readonly<Record<FaultKind, number>> = {
  '429': 0.03,
  '500': 0.1,
  '502': 0.1,
  '503': 0.1,
  reset: 0.1,
  hang: 0.05,
  '500-after': 0.1,
  '502-after': 0.1,
  '503-after': 0.1,
  'reset-after': 0.1,
  'hang-after': 0.05,
};

describe.concurrent('creates each note exactly once, in order', () => {
  for (const [index, kind] of FAULT_KINDS.entries()) {
    test(`where the API answers ${kind} now and then`, async ({ createBench }) => {
      const bench = await createBench({ faults: { [kind]: SHARE[kind] }, seed: 100 + index });
      const hangs = kind.startsWith('hang');
      // Each 429 slows the whole run for a while, as it should, and each hang takes its time: fewer rows show the same.
      const rows = kind === '429' || hangs ? 120 : 300;
      // So few for each contact that no list is as long as a usual page, which would prove nothing.
      const notes = makeNotes({ count: rows, contacts: 120, seed: index });
      bench.write('notes.csv', csvOf(notes));

      const result = await bench.import(['notes.csv', ...(hangs ? ['--timeout', '2s'] : [])]);

      expect(result.stderr).not.toContain('unexpected error');
      expect(result.code, result.stderr.slice(-2000)).toBe(0);
      const { counts, requests, status } = result.summary;
      expect(status).toBe('completed');
      expectConservation(result.summary);
      expectConverged(bench.sandbox, notes);
      expect(counts).toMatchObject({ rows, failed: 0, alreadyImported: 0, duplicate: 0, created: rows - counts.recovered });
      const creates = bench.sandbox.requests().filter(({ method }) => method === 'POST');
      expect(requests.sent).toBe(creates.length);

      const lost = creates.filter(({ status: answer }) => isLoss(kind, answer)).length;
      const refused = bench.sandbox.requests().filter(({ status: answer }) => answer === 429).length;
      // A machine that stands still for as long loses further answers by itself.
      const recoveredOf = (least: number) =>
        hangs ? expect(counts.recovered).toBeGreaterThanOrEqual(least) : expect(counts.recovered).toBe(least);
      if (kind.endsWith('-after')) {
        expect(lost).toBeGreaterThan(0);
        // Each answer that was lost after its memory was made is found by looking, and by nothing else.
        recoveredOf(lost);
        expect(requests.sent).toBe(rows);
        expect(requests.reconciled).toBeGreaterThanOrEqual(lost);
      } else if (kind === '429') {
        expect(refused).toBeGreaterThan(0);
        expect(counts.recovered).toBe(0);
        expect(requests.rateLimited).toBe(refused);
        expect(requests.reconciled).toBe(0);
      } else {
        expect(lost).toBeGreaterThan(0);
        recoveredOf(0);
        expect(requests.reconciled).toBeGreaterThan(0);
      }

      const reported = successRows(bench.folder, result);
      expect(reported.map(({ memoryId }) => memoryId).sort()).toEqual(
        bench.sandbox
          .memories()
          .map(({ id }) => id)
          .sort(),
      );
      expect(reported.filter(({ status: word }) => word === 'recovered')).toHaveLength(counts.recovered);
    });
  }
});

function isLoss(kind: FaultKind, answer: number | 'reset' | 'hang' | null): boolean {
  return String(answer) === kind.replace('-after', '');
}
