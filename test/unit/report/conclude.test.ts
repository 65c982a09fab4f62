import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { realClock } from '../../../src/clock.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { RunRecord } from '../../../src/ledger/ledger.js';
import type { ImportEvent } from '../../../src/model.js';
import { resolveOptions } from '../../../src/options.js';
import { openCsvReports } from '../../../src/report/csv-reports.js';
import { gatherPageFacts, savedPageFacts } from '../../../src/report/page-facts.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { createTally } from '../../../src/report/summary.js';
import { conclude, type RunContext } from '../../../src/run/conclude.js';
import { VERSION } from '../../../src/version.js';
import { temporaryFolder } from './fixtures.js';

const KEY = 'a-key-that-nobody-may-see';

async function concluded(
  own: {
    readonly saveRun?: (run: RunRecord) => Promise<void>;
    readonly folder?: string;
    readonly before?: (folder: string) => Promise<void>;
  } = {},
) {
  const folder = await temporaryFolder();
  await own.before?.(folder);
  const context = {
    runId: newRunId(0, () => 0),
    options: resolveOptions({ inputs: ['a.csv'], ledger: 'the.ledger', apiKey: KEY }, {}),
    intake: { inputs: [], contacts: null },
    ledger: { saveRun: own.saveRun ?? (async () => {}) },
    folder: own.folder ?? folder,
    reports: await openCsvReports({ folder, inputCount: 1 }),
    clock: realClock,
    startedAt: 0,
  } as unknown as RunContext; // what the end of a run needs of it
  const events: ImportEvent[] = [];
  const halt = createHalt(() => {});
  const tally = createTally();
  const page = gatherPageFacts({ now: realClock.now, startedAt: 0, tally });
  const result = await conclude(context, { tally, page, repeat: null, halt, emit: (event) => void events.push(event) });
  return { folder, result, events, types: events.map(({ type }) => type) };
}

describe('the end of a run', () => {
  test('is told once, without warnings where all was written', async () => {
    const { folder, result, types } = await concluded();
    expect(types).toEqual(['run_finished']);
    expect(JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'))).toEqual(result);
  });

  test('warns of a summary that can’t be written, and of the way to have it', async () => {
    const { result, events, types } = await concluded({ folder: join(await temporaryFolder(), 'absent') });
    expect(types).toEqual(['warning', 'warning', 'run_finished']);
    expect(events[1]).toMatchObject({
      code: 'summary_not_written',
      message: expect.stringMatching(/summary\.json.*ENOENT.*memory-import report 19700101T000000Z-0000/),
    });
    expect(result.status).toBe('completed');
  });

  test('warns of a page that can’t be written, leaves what is there as it is, and names no page in the summary', async () => {
    const before = (folder: string) => writeFile(join(folder, 'report.html'), 'somebody else’s');
    const { folder, result, events, types } = await concluded({ before });
    expect(types).toEqual(['warning', 'run_finished']);
    expect(events[0]).toMatchObject({
      code: 'page_not_written',
      message: expect.stringMatching(/report\.html.*there is a file.*memory-import report 19700101T000000Z-0000/),
    });
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toBe('somebody else’s');
    expect(result).toMatchObject({ status: 'completed', files: { success: expect.any(String) } });
    expect(result.files.report).toBeUndefined();
    expect(JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'))).toEqual(result);
  });

  test('gives the ledger what the page is made of, without the key', async () => {
    const saved: RunRecord[] = [];
    const { result } = await concluded({ saveRun: async (run) => void saved.push(run) });
    expect(result.files.report).toMatch(/report\.html$/);
    expect(savedPageFacts(saved[0]?.page)).toMatchObject({ version: VERSION, missing: { listed: [], total: 0 } });
    expect(JSON.stringify(saved)).not.toContain(KEY);
  });

  test('warns of a run that can’t be saved, and its summary is there', async () => {
    const saveRun = () => Promise.reject(new Error('database is locked'));
    const { folder, result, events, types } = await concluded({ saveRun });
    expect(types).toEqual(['warning', 'run_finished']);
    expect(events[0]).toMatchObject({ code: 'run_not_saved', message: expect.stringMatching(/database is locked.*the\.ledger/) });
    expect(result.status).toBe('completed');
    expect(await readFile(join(folder, 'summary.json'), 'utf8')).toContain('"completed"');
  });
});
