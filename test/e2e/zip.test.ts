import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Plan } from '../../src/model-plan.js';
import { type Bench, test } from '../support/bench.js';
import { readReport } from '../support/reports.js';
import { zipOf } from '../support/zip.js';

const HEADER = 'contactId,name,text\n';

function rowsOf(contact: string, count: number): string {
  return Array.from({ length: count }, (_, i) => `C-${contact},Note ${i + 1},"Said in call ${i + 1},\nof ${contact}"\n`).join('');
}

const EXPORT = zipOf([
  { name: 'hubspot/part-10.csv', content: `${HEADER}${rowsOf('ten', 1)}` },
  { name: 'hubspot/part-2.csv', content: `${HEADER}${rowsOf('two', 3)}torn,row\n,no contact,text\n` },
  // Its columns stand in another order.
  { name: 'hubspot/part-1.csv', content: `Title;Contact ID;Note body\nNote 1;C-one;"Said; in call 1"\n` },
  { name: '__MACOSX/hubspot/._part-1.csv', content: 'Mac OS X' },
  { name: 'hubspot/readme.pdf', content: '%PDF' },
]);

function failuresOf(bench: Bench, runId: string): unknown[] {
  const folder = `.memory-import/runs/${runId}`;
  return ['failures.csv', 'failures-2.csv'].flatMap((name) =>
    readReport(join(bench.folder, folder, name)).map(({ _row, _class }) => [_row, _class]),
  );
}

describe.concurrent('a zip archive', () => {
  test('is imported part by part, each by its own header, with its rows called by part and row', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('export.zip', EXPORT);
    const planned = await bench.run(['plan', 'export.zip', '--json']);
    const plan = JSON.parse(planned.stdout) as Plan;
    expect([planned.code, plan.counts.toCreate, plan.examples.map(({ row }) => row)]).toEqual([
      1,
      5,
      ['export.zip/hubspot/part-2.csv:4', 'export.zip/hubspot/part-2.csv:5'],
    ]);

    const { code, summary, stderr } = await bench.import(['export.zip']);
    expect([code, summary.inputs, summary.counts.created, summary.counts.failed]).toEqual([1, ['export.zip'], 5, 2]);
    expect(stderr).toContain('readme.pdf');
    expect(stderr).not.toContain('MACOSX');
    expect(bench.sandbox.memories().map(({ contactId, name, text }) => [contactId, name, text])).toEqual(
      expect.arrayContaining([
        ['C-one', 'Note 1', 'Said; in call 1'],
        ['C-two', 'Note 3', 'Said in call 3,\nof two'],
        ['C-ten', 'Note 1', 'Said in call 1,\nof ten'],
      ]),
    );
    const failed = [
      ['export.zip/hubspot/part-2.csv:4', 'malformed'],
      ['export.zip/hubspot/part-2.csv:5', 'invalid'],
    ];
    expect(failuresOf(bench, summary.runId)).toEqual(failed);
    expect(bench.read(`.memory-import/runs/${summary.runId}/malformed.csv`)).toBe(`${HEADER}torn,row\n`);

    // The reports again, from the unchanged archive.
    const success = bench.read(`.memory-import/runs/${summary.runId}/success.csv`);
    const report = await bench.run(['report', summary.runId]);
    expect(report.code).toBe(0);
    expect(report.stdout + report.stderr).not.toContain('was not written');
    expect(failuresOf(bench, summary.runId)).toEqual(failed);
    expect(bench.read(`.memory-import/runs/${summary.runId}/success.csv`).split('\n').sort()).toEqual(success.split('\n').sort());
    expect(bench.read(`.memory-import/runs/${summary.runId}/report.html`)).toContain('export.zip');

    const again = await bench.import(['export.zip']);
    expect([again.code, again.summary.counts.created, again.summary.counts.alreadyImported]).toEqual([1, 0, 5]);
    // Nothing of the archive was unpacked to anywhere.
    expect(bench.files().filter((name) => name.includes('part-'))).toEqual([]);
  });

  test('with --limit gives its first rows, over its parts', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('export.zip', EXPORT);
    const { code, summary } = await bench.import(['export.zip', '--limit', '3']);
    expect([code, summary.counts.created]).toEqual([0, 3]);
    expect(
      bench.sandbox
        .memories()
        .map(({ contactId }) => contactId)
        .sort(),
    ).toEqual(['C-one', 'C-two', 'C-two']);
  });

  test('that is damaged stops the run (exit 3), and what stands before the damage is imported', async ({ createBench }) => {
    const bench = await createBench();
    bench.write(
      'export.zip',
      zipOf([
        { name: 'part-1.csv', content: HEADER + rowsOf('one', 2) },
        { name: 'part-2.csv', content: HEADER + rowsOf('two', 2), crc: 7 },
        { name: 'part-3.csv', content: HEADER + rowsOf('three', 2) },
      ]),
    );
    const { code, summary } = await bench.import(['export.zip']);
    expect([code, summary.reasonCode, summary.continues, summary.counts.created]).toEqual([3, 'input_changed', false, 4]);
    expect(summary.reason).toMatch(/export\.zip\/part-2\.csv: the zip archive is damaged.*CRC-32/);
  });

  const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['cut off', EXPORT.subarray(0, EXPORT.length - 40), /ends too early/],
    ['a spreadsheet', zipOf([{ name: '[Content_Types].xml', content: '<Types/>' }]), /spreadsheet.*CSV UTF-8/],
    [
      'one of whose parts has other columns',
      zipOf([
        { name: 'a.csv', content: HEADER },
        { name: 'b.csv', content: 'a,b\n' },
      ]),
      /b\.csv: its columns/,
    ],
  ];
  for (const [what, bytes, message] of refused) {
    test(`${what} is refused before anything is sent`, async ({ createBench }) => {
      const bench = await createBench();
      bench.write('export.zip', bytes);
      const { code, stdout, stderr } = await bench.import(['export.zip']);
      expect([code, stdout, bench.sandbox.requests()]).toEqual([2, '', []]);
      expect(stderr).toMatch(message);
    });
  }

  test('is refused from standard input, with the reason', async ({ createBench }) => {
    const bench = await createBench();
    const { code, stderr } = await bench.import(['-'], { stdin: EXPORT });
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/zip archive.*not from standard input, since its directory stands at its end/),
    ]);
  });
});
