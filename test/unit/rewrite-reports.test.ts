import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { importMemories } from '../../src/import.js';
import { openLedger } from '../../src/ledger/sqlite.js';
import type { RunId } from '../../src/model.js';
import { rewriteReports } from '../../src/rewrite-reports.js';
import { startSandbox } from '../../src/sandbox/server.js';

test('the reports of a run that stopped have no rows that it never came to, though an earlier run imported them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rewrite-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const input = join(folder, 'notes.csv');
  writeFileSync(input, `contactId,name,text\n${[1, 2, 3, 4, 5].map((n) => `C-${n},Call,Text ${n}\n`).join('')}`);
  const options = {
    inputs: [input],
    ledger: join(folder, 'ledger.db'),
    out: join(folder, 'runs'),
    baseUrl: sandbox.url,
    apiKey: 'sandbox-key',
  };
  await importMemories(options, { env: {} });
  const { runId, files } = await importMemories(options, { env: {} });
  const rowsOf = () =>
    readFileSync(files.success ?? '', 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',', 1)[0]);
  const rewritten = async (lastRow: number | null) => {
    const ledger = openLedger({
      path: options.ledger,
      runId: '29990101T000000Z-0000' as RunId, // later than any
      what: 'a test',
      target: options,
      sameAccount: true,
      now: Date.now,
    });
    const run = await ledger.run(runId);
    expect(run?.inputs).toMatchObject([{ path: input, lastRow: 5 }]);
    await ledger.saveRun({ ...run!, inputs: run!.inputs.map((one) => ({ ...one, lastRow })) });
    await rewriteReports(runId, options, { env: {} });
    const rows = rowsOf();
    await ledger.saveRun(run!);
    await ledger.close();
    return rows;
  };
  expect(await rewritten(5)).toEqual(['1', '2', '3', '4', '5']);
  expect(await rewritten(2)).toEqual(['1', '2']);
  expect(await rewritten(0)).toEqual([]);
  // Of a run that was killed it isn't known.
  expect(await rewritten(null)).toEqual(['1', '2', '3', '4', '5']);
});
