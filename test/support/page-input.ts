import { FAILURE_CLASSES, FAILURE_COUNT_NAMES, type RunId, type RunSummary } from '../../src/model.js';
import type { PageFacts, PageInput } from '../../src/report/page-facts.js';
import { emptyCounts } from '../../src/report/summary.js';
import type { TimelineRecord } from '../../src/report/timeline.js';

/** A run with every class of failure and everything else that a page can show. `text` stands wherever a stranger's word may. */
export function fullPage(text: string, own: { readonly run?: Partial<RunSummary>; readonly facts?: Partial<PageFacts> } = {}): PageInput {
  const counts = emptyCounts();
  for (const [i, name] of FAILURE_CLASSES.entries()) counts.failures[FAILURE_COUNT_NAMES[name]] = 40 * (i + 1);
  const failed = Object.values(counts.failures).reduce((sum, count) => sum + count, 0);
  Object.assign(counts, { created: 9_876_543, recovered: 12, alreadyImported: 123_456, changed: 7, duplicate: 4321, filtered: 99, failed });
  counts.rows = counts.created + counts.recovered + counts.alreadyImported + counts.duplicate + counts.filtered + failed;
  const folder = `.memory-import/runs/${RUN_ID}`;
  const run: RunSummary = {
    runId: RUN_ID,
    status: 'stopped',
    reasonCode: 'outage',
    reason: `The API failed for everyone: ${text}`,
    continues: true,
    inputs: [text, 'b.csv'],
    startedAt: '2026-11-23T03:07:49.120Z',
    finishedAt: '2026-11-23T03:09:49.120Z',
    durationMs: 120_000,
    counts,
    requests: { sent: 9_900_000, retried: 321, rateLimited: 54, reconciled: 33, latencyMs: { p50: 12.5, p95: 80, p99: 1234 } },
    rowsPerSecond: 83_333,
    files: { success: `${folder}/success.csv`, failures: `${folder}/failures.csv`, malformed: `${folder}/malformed.csv` },
    surplus: [{ contactId: text, memoryIds: [text, 'm-2'] }],
    ...own.run,
  };
  const facts: PageFacts = {
    format: 1,
    version: '0.1.0',
    timeline: courseOf(80),
    reasons: Object.fromEntries(
      FAILURE_CLASSES.map((name) => [
        name,
        [
          { message: text, count: 25, isExample: true },
          { message: `${name}: plain`, count: 5, isExample: false },
        ],
      ]),
    ),
    missing: {
      listed: [
        { contactId: text, subOrg: text, rows: 30 },
        ...Array.from({ length: 30 }, (_, i) => ({ contactId: `C-${i}`, subOrg: null, rows: 1 })),
      ],
      total: 45,
    },
    options: [
      ['--base-url', 'https://api.callers.ai/'],
      ['--map', `text=${text}`],
    ],
    repeat: { command: `memory-import import ${text} --set 'name=…'`, options: `--map ${text}` },
    moreFiles: [`${folder}/failures-2.csv`],
    ...own.facts,
  };
  const inputs = [
    { path: text, bytes: 1_234_567, sha256: 'ab12'.repeat(16) },
    { path: '-', bytes: null, sha256: null },
  ];
  return { run, facts, inputs, writtenAt: Date.UTC(2026, 10, 23, 3, 10) };
}

const RUN_ID = '20261123T030749Z-4f9a' as RunId;

/** A course with all that can happen in it. */
function courseOf(buckets: number): TimelineRecord {
  const column = (value: (i: number) => number) => Array.from({ length: buckets }, (_, i) => value(i));
  const quiet = (i: number) => i > 30 && i < 40;
  return {
    bucketMs: 1600,
    durationMs: 1600 * buckets - 700,
    created: column((i) => (quiet(i) ? 0 : 90 + ((i * 37) % 23))),
    known: column((i) => (i < 10 ? 40 : 0)),
    failed: column((i) => (i % 9 === 0 ? 6 : 0)),
    requests: column((i) => (quiet(i) ? 0 : 100)),
    refused: column((i) => (i > 50 && i < 55 ? 12 : 0)),
    p50: Array.from({ length: buckets }, (_, i) => (quiet(i) ? null : 20 + (i % 7))),
    p95: Array.from({ length: buckets }, (_, i) => (quiet(i) ? null : 70 + ((i * 13) % 40))),
    pauses: [
      { kind: 'looking', fromMs: 0, toMs: 1500 },
      { kind: 'outage', fromMs: 49_600, toMs: 64_000 },
      { kind: 'patience', fromMs: 82_000, toMs: 86_000 },
    ],
  };
}
