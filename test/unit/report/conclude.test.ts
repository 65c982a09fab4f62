import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { realClock } from '../../../src/clock.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { ImportEvent } from '../../../src/model.js';
import { openCsvReports } from '../../../src/report/csv-reports.js';
import { newRunId } from '../../../src/report/run-folder.js';
import { createTally } from '../../../src/report/summary.js';
import { conclude, type RunContext } from '../../../src/run/conclude.js';
import { temporaryFolder } from './fixtures.js';

async function concluded(own: { readonly saveRun?: () => Promise<void>; readonly folder?: string } = {}) {
  const folder = await temporaryFolder();
  const context = {
    runId: newRunId(0, () => 0),
    options: { inputs: ['a.csv'], ledger: 'the.ledger', baseUrl: new URL('https://api.callers.ai/') },
    intake: { inputs: [] },
    ledger: { saveRun: own.saveRun ?? (async () => {}) },
    folder: own.folder ?? folder,
    reports: await openCsvReports({ folder, inputCount: 1 }),
    clock: realClock,
    startedAt: 0,
  } as unknown as RunContext; // what the end of a run needs of it
  const events: ImportEvent[] = [];
  const halt = createHalt(() => {});
  const result = await conclude(context, { tally: createTally(), halt, emit: (event) => void events.push(event) });
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
    expect(types).toEqual(['warning', 'run_finished']);
    expect(events[0]).toMatchObject({
      code: 'summary_not_written',
      message: expect.stringMatching(/summary\.json.*ENOENT.*memory-import report 19700101T000000Z-0000/),
    });
    expect(result.status).toBe('completed');
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
