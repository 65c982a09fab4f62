import { describe, expect, test } from 'vitest';
import { runsText } from '../../../src/cli/runs-text.js';
import { emptyCounts } from '../../../src/report/summary.js';
import type { ListedRun } from '../../../src/runs.js';

function run(more: Partial<ListedRun>): ListedRun {
  return {
    runId: '20261123T030749Z-4f9a',
    status: 'completed',
    startedAt: '2026-11-23T03:07:49.000Z',
    finishedAt: null,
    durationMs: 72_000,
    reasonCode: null,
    inputs: ['exports/crm-notes-2026-11-23.csv'],
    counts: { ...emptyCounts(), rows: 50_123, created: 1204 },
    out: 'runs/20261123T030749Z-4f9a',
    undone: null,
    hasFiles: true,
    ...more,
  };
}

const RUNS = [
  run({ status: 'running', durationMs: null, counts: null }),
  run({ status: 'completed_with_failures', counts: { ...emptyCounts(), rows: 50_100, created: 7, recovered: 1, failed: 12 } }),
  run({ status: 'stopped', reasonCode: 'max_duration', durationMs: 7_200_000 }),
  run({ status: 'killed', durationMs: null, counts: null, hasFiles: false, inputs: ['a\u001b[31m.csv', 'b.csv'] }),
];

describe('the list of runs', () => {
  test('has for each run its start, how it ended, how long it took, its counts and why it stopped, in columns', () => {
    const text = runsText(RUNS, null);
    const [running, failed, stopped, killed] = text.split('\n');
    expect(failed).toMatch(
      /^20261123T030749Z-4f9a {2}2026-11-2\d \d\d:\d\d {2}some failed {2}1 min 12 s {2}50,100 rows {6}8 created {2}12 failed {2}exports/,
    );
    expect(stopped).toMatch(/ stopped +2 h {2}50,123 rows {2}1,204 created +max_duration · exports/);
    expect(running).toMatch(/ running +exports/);
    expect(killed).toMatch(/ killed +no files · a\[31m\.csv, b\.csv$/);
    expect(new Set([running, failed, stopped].map((line) => line?.indexOf('exports'))).size).toBe(2);
  });

  test('fits a terminal of 80 columns', () => {
    const lines = runsText(RUNS, 80).trimEnd().split('\n');
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines[1]).toMatch(/^20261123T030749Z-4f9a {2}some failed +1 min 12 s +8 created {2}12 failed /);
    expect(lines[2]).toMatch(/^20261123T030749Z-4f9a {2}max_duration +2 h {2}1,204 created /);
  });

  test('says of a run that it was undone, in whole or in part, also where there is little room', () => {
    const whole = run({ undone: { notes: 1204, left: 0 } });
    const part = run({ undone: { notes: 1204, left: 1000 }, hasFiles: false });
    expect(runsText([whole], null)).toMatch(/ 1,204 created {2}undone · exports/);
    expect(runsText([part], null)).toContain('  partly undone, 1,000 left · no files · exports');
    expect(runsText([part], 80)).toContain('  partly undone,');
  });

  test('of an empty ledger says so', () => {
    expect(runsText([], 80)).toBe('The ledger knows no runs yet.\n');
  });
});
