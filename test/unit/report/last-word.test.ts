import { describe, expect, test } from 'vitest';
import type { ImportEvent, Outcome } from '../../../src/model.js';
import { lastWord } from '../../../src/report/last-word.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { createTally, type RunFacts, summary } from '../../../src/report/summary.js';
import { created, failureWith, settled } from './fixtures.js';

const runId = newRunId(0, () => 0);
const folder = `.memory-import/runs/${runId}`;
const files = { success: `${folder}/success.csv`, failures: `${folder}/failures.csv`, summary: `${folder}/summary.json` };

function wordOf(
  outcomes: readonly Outcome[],
  more: { facts?: Partial<RunFacts>; events?: ImportEvent[]; options?: string; files?: string[] } = {},
) {
  const tally = createTally(() => 72_000);
  tally.consume({ type: 'rows_settled', rows: outcomes.map((outcome) => settled({ outcome })) });
  more.events?.forEach(tally.consume);
  const run = summary({ runId, inputs: ['a.csv'], startedAt: 0, finishedAt: 72_000, stop: null, files, tally, ...more.facts });
  const { options, files: other } = more;
  return lastWord(run, tally, { ...(options === undefined ? {} : { options }), ...(other === undefined ? {} : { files: other }) });
}

const times = (count: number, outcome: Outcome) => Array.from({ length: count }, () => outcome);

describe('the last word', () => {
  test('is short where all is well', () => {
    const word = wordOf([...times(12_000, created()), ...times(3, { kind: 'duplicate', firstRow: '1', memoryId: 'm', createdAt: null })]);
    expect(word).toBe(
      [
        'Done: 12,003 rows in 1 min 12 s, 167 rows/s. Every one is in the API.',
        '',
        '  created          12,000',
        '  duplicates            3  the same note as an earlier row',
        '',
        'Files',
        `  success    ${folder}/success.csv`,
        '',
      ].join('\n'),
    );
  });

  test('says what failed, why, and which command mends it', () => {
    const word = wordOf([
      ...times(1200, created()),
      ...times(30, failureWith({ class: 'not_found', message: 'Contact not found' })),
      ...times(5, failureWith({ class: 'invalid', message: 'name is blank' })),
      ...times(4, failureWith({ class: 'invalid', message: 'text: 6000 characters, at most 5000' })),
      ...times(3, failureWith({ class: 'invalid', message: 'a' })),
      ...times(2, failureWith({ class: 'invalid', message: 'b, the fourth reason' })),
      ...times(7, failureWith({ class: 'network', message: 'ECONNREFUSED' })),
    ]);
    expect(word).toMatch(/^Finished, and 51 of 1,251 rows failed \(1 min 12 s, 17 rows\/s\)\.\n/);
    expect(word).toContain('  not_found  30  no such contact: mend the contactId');
    expect(word).toContain('  invalid    14  ');
    expect(word).toContain('              5  - name is blank\n');
    expect(word).toContain('              4  - text: 6000 characters, at most 5000\n');
    expect(word).not.toContain('fourth reason');
    expect(word).toContain(`    memory-import import ${folder}/failures.csv\n`);
    expect(word).toContain('with the same options');
    expect(word).toContain('For network there is nothing to mend: run the same command again.');
    for (const line of word.split('\n').filter((text) => !text.includes(folder))) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('shows one message for rows that differ only in their numbers, and says that the others are alike', () => {
    const tooLong = [6387, 5001, 7000].map((length) =>
      failureWith({ class: 'invalid', message: `text: ${length} characters, at most 5000` }),
    );
    const word = wordOf([...tooLong, ...times(2, failureWith({ class: 'malformed', message: '5 columns, expected 6' }))]);
    expect(word).toContain('  3  - text: 6387 characters, at most 5000; 2 more alike\n');
    expect(word).toContain('  2  - 5 columns, expected 6\n');
  });

  test('needs no mending where only the network failed', () => {
    const word = wordOf([created(), failureWith({ class: 'server_error' }), failureWith({ class: 'held' })]);
    expect(word).toContain('For server_error, held there is nothing to mend: run the same command again.');
    expect(word).not.toContain('memory-import import');
  });

  test('sends malformed records to malformed.csv, other files too, and repeats the options', () => {
    const word = wordOf([failureWith({ class: 'malformed' })], {
      facts: { files: { ...files, malformed: `my runs/malformed.csv` } },
      options: '--ledger l.db',
      files: ['malformed-2.csv'],
    });
    expect(word).toContain("    memory-import import 'my runs/malformed.csv' --ledger l.db\n");
    expect(word).toContain('    memory-import import malformed-2.csv --ledger l.db\n');
    expect(word).not.toContain('import .memory-import');
  });

  test('of a stopped run says whether the same command goes on', () => {
    const stop = { reasonCode: 'outage', reason: 'the API did not answer for 10 min', continues: true } as const;
    const word = wordOf(times(2, created()), { facts: { stop } });
    expect(word).toMatch(/^Stopped: the API did not answer for 10 min\n2 rows settled before that/);
    expect(word).toContain('Run the same command again: it goes on from here.');
    const refused = wordOf([], { facts: { stop: { reasonCode: 'key_refused', reason: 'the key is refused', continues: false } } });
    expect(refused).toContain('Mend what stopped it');
    expect(refused).toContain('0 rows settled');
  });

  test('of an interrupted run says that nothing is lost', () => {
    const stop = { reasonCode: 'signal', reason: 'SIGINT', continues: true } as const;
    const word = wordOf([created()], { facts: { stop } });
    expect(word).toMatch(/^Interrupted; what was under way was finished\. 1 row settled/);
    expect(word).toContain('Run the same command again: it goes on from here.');
  });

  test('names surplus memories', () => {
    const events: ImportEvent[] = [1, 2, 3, 4, 5].map((n) => ({ type: 'surplus', contactId: `c${n}`, memoryIds: [`m${n}`] }));
    const word = wordOf([created()], { events });
    expect(word).toMatch(/^Done: 1 row in 1 min 12 s; 5 contacts with surplus memories\./);
    expect(word).toContain('contact c1: m1');
    expect(word).toContain('and 2 contacts more: see summary.json');
  });

  test('of an empty input is one sentence', () => {
    expect(wordOf([], { facts: { files: {} } })).toBe('Done: the input has no rows.\n');
  });
});
