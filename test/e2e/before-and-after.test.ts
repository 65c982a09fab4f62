import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { csvOf, makeNotes } from '../support/notes.js';

const NOTES = makeNotes({ count: 40, contacts: 10 });

describe.concurrent('before an import', () => {
  test('whose ledger and reports would not fit on the disk, it says what they need and what is free: exit 2', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(makeNotes({ count: 1500, contacts: 100 })));
    // A hole takes no room: a file of so many bytes would be a few hundred billion rows.
    truncateSync(join(bench.folder, 'notes.csv'), 8 * 1024 ** 4);
    const result = await bench.import(['notes.csv']);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(
      /^memory-import: Not enough room on the disk: of about [\d,]+ rows, the ledger in .* and the reports in .* may take \d+ TB, and .* are free\. Nothing was sent\./,
    );
    expect(bench.files()).toEqual(['notes.csv']);
    expect(bench.sandbox.stats().requests).toBe(0);
  });

  test('a hook that can not be meant is refused: exit 2', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--on-finish', 'http://hooks.example/secret']);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/--on-finish: expected a command .* found http:\/\/hooks\.example \(plain http/);
    expect(bench.sandbox.stats().requests).toBe(0);
  });
});

describe.concurrent('after an import', () => {
  test('--on-finish gets the summary, on every end of a run, and never changes how it ended', async ({ createBench }) => {
    const bench = await createBench({ apiKey: 'sandbox-key' });
    bench.write('notes.csv', csvOf(NOTES));
    const hook = `cat >got.json; echo "$MEMORY_IMPORT_STATUS $MEMORY_IMPORT_EXIT_CODE [$CALLERS_API_KEY]"; exit 9`;
    const done = await bench.import(['notes.csv', '--on-finish', hook]);
    expect(done.code).toBe(0);
    expect(JSON.parse(bench.read('got.json'))).toEqual(done.summary);
    expect(done.stderr).toContain('completed 0 []\n');
    expect(done.stderr).toContain('"code":"on_finish","msg":"--on-finish ended with 9.');

    const stopped = await bench.import(
      ['notes.csv', '--same-account', '--duplicates', 'create', '--on-finish', hook, '--ledger', 'l2.db'],
      {
        env: { CALLERS_API_KEY: 'refused' },
      },
    );
    expect(stopped.code).toBe(3);
    expect(JSON.parse(bench.read('got.json'))).toEqual(stopped.summary);
    expect(stopped.stderr).toContain('stopped 3 []\n');

    const none = await bench.import(['not-there.csv', '--on-finish', 'touch ran']);
    expect(none.code).toBe(2);
    expect(bench.files()).not.toContain('ran');
  });

  test('an interrupted one runs the hook too, and a signal ends a hook that hangs', async ({ createBench }) => {
    const bench = await createBench({ latencyMs: 50 });
    bench.write('notes.csv', csvOf(NOTES));
    const run = bench.startImport(['notes.csv', '--rate', '20', '--on-finish', 'echo "hook $MEMORY_IMPORT_EXIT_CODE"; sleep 600']);
    await run.says('"event":"run_started"');
    run.kill('SIGTERM');
    await run.says('hook 143');
    run.kill('SIGTERM');
    const result = await run.ended;
    expect(result.code).toBe(143);
    expect(result.summary.status).toBe('interrupted');
    expect(result.stderr).toContain('--on-finish was ended, since the import was told to stop');
  });
});
