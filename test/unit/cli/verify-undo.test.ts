import { PassThrough } from 'node:stream';
import { describe, expect } from 'vitest';
import type { Io } from '../../../src/cli/io.js';
import { runProgram } from '../../../src/cli/program.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import type { UndoSummary } from '../../../src/model-after-run.js';
import { type Desk, notesOf, test } from '../../support/desk.js';
import { fakeIo } from './fake-io.js';

/** The command line in this process, against a desk. */
async function call(desk: Desk, argv: readonly string[], given: { key?: string; types?: string } = {}) {
  const { baseUrl, ledger } = desk.options;
  const key = given.key ?? desk.options.apiKey;
  const env = { CALLERS_BASE_URL: baseUrl, MEMORY_IMPORT_LEDGER: ledger, ...(key === '' ? {} : { CALLERS_API_KEY: key }) };
  const fake = fakeIo({ env, isTTY: given.types !== undefined });
  const stdin = Object.assign(new PassThrough(), { isTTY: given.types !== undefined });
  stdin.write(given.types ?? '');
  const io: Io = { ...fake.io, stdin };
  const code = await runProgram({ argv, io });
  return { code, ...fake.written };
}

describe.concurrent('on the command line', () => {
  test('verify ends with 0 where all is well and with 1 where it isn\u2019t, and says what to do', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2', 'C-3'], 6));
    const good = await call(desk, ['verify', runId]);
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(
      /^Checked 6 memories in 3 lists \(.* s\)\. Every one is there, as it was sent\.\n\n {2}match {2}6\n\nFiles\n {2}verify {2}.*verify\.csv\n$/,
    );
    desk.sandbox.change(desk.idOf('1'), { text: 'Altered' });
    desk.sandbox.change(desk.idOf('2'), { status: 'DELETED' });
    const bad = await call(desk, ['verify', runId, '--reconcile-wait', '50ms']);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(
      / {2}match +4\n {2}missing +1 {2}not in the API any more.*\n +file with --adopt and a new --ledger.*\n {2}altered +1 {2}there/,
    );
    const sample = await call(desk, ['verify', runId, '--sample', '1', '--seed', '4', '--reconcile-wait', '50ms']);
    expect(sample.stdout).toContain('A sample: 1 contact of 3, chosen with --seed 4.');
    const json = await call(desk, ['verify', runId, '--json', '--reconcile-wait', '50ms']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ runId, ok: false, counts: { checked: 6, match: 4, missing: 1, altered: 1 } });
  });

  test('undo asks on a terminal, and only a yes deletes', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 6));
    const facts = `Run ${runId} created 6 memories on 2 contacts at ${desk.options.baseUrl}/.\n`;
    const no = await call(desk, ['undo', runId], { types: 'n\n' });
    expect(no).toMatchObject({ code: 2, stdout: '' });
    expect(no.stderr).toBe(
      `${facts}Delete these 6 memories? They can't be brought back. [y/N] memory-import: Not confirmed: nothing was deleted.\n`,
    );
    expect(desk.sandbox.stats().created).toBe(6);
    const yes = await call(desk, ['undo', runId], { types: 'y\n' });
    expect(yes.code).toBe(0);
    expect(yes.stderr).toContain(facts);
    expect(yes.stdout).toMatch(
      /^Of 6 memories on 2 contacts, none is left \(.*\)\.\n\n {2}deleted {2}6\n\nFiles\n {2}undo {2}.*undo\.csv\n$/,
    );
    expect((await call(desk, ['undo', runId])).stdout).toMatch(/^Nothing to undo: .* 6 were undone before\.\n$/);
    expect((await call(desk, ['verify', runId])).stdout).toMatch(/^Nothing to verify/);
  });

  test('without a terminal undo needs --yes, and says what it would have deleted', async ({ openDesk }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1', 'C-2'], 6));
    const dry = await call(desk, ['undo', runId, '--dry-run'], { key: '' });
    expect(dry).toEqual({
      code: 0,
      stderr: '',
      stdout: `Nothing was deleted. An undo of run ${runId} would delete 6 memories on 2 contacts.\n`,
    });
    const unasked = await call(desk, ['undo', runId, '--json']);
    expect(unasked).toMatchObject({ code: 2, stdout: '' });
    expect(unasked.stderr).toMatch(
      /created 6 memories on 2 contacts at .*\nNothing was deleted: there is no terminal to ask on, so --yes is needed\.\n$/,
    );
    desk.sandbox.change(desk.idOf('3'), { name: 'Altered' });
    const left = await call(desk, ['undo', runId, '--yes']);
    expect(left.code).toBe(1);
    expect(left.stdout).toMatch(/1 is left[\s\S]* {2}deleted +5\n {2}altered +1 {2}changed since, and left alone/);
    const forced = await call(desk, ['undo', runId, '--yes', '--force', '--json']);
    expect(forced.code).toBe(0);
    expect(JSON.parse(forced.stdout) as UndoSummary).toMatchObject({ ok: true, counts: { toUndo: 1, deleted: 1, undoneBefore: 5 } });
  });

  test('the other exit codes: 2 for no such run or another account, 3 for a refused key, 4 for a ledger that is held', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { runId } = await desk.import(notesOf(['C-1'], 3));
    for (const command of ['verify', 'undo']) {
      const unknown = await call(desk, [command, '20261123T030749Z-4f9a', '--json']);
      expect(unknown).toMatchObject({ code: 2, stdout: '' });
      expect(unknown.stderr).toContain("'memory-import runs' lists them");
      expect((await call(desk, [command])).code).toBe(2);
      const account = await call(desk, [command, runId], { key: 'another-key' });
      expect(account).toMatchObject({ code: 2, stdout: '' });
      const more = command === 'undo' ? ['--yes', '--json', '--same-account'] : ['--json', '--same-account'];
      const refused = await call(desk, [command, runId, ...more], { key: 'another-key' });
      expect(refused.code).toBe(3);
      expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'stopped', reasonCode: 'key_refused', ok: false });
      expect(refused.stderr + refused.stdout).not.toContain('another-key');
      await desk.import([], { sameAccount: true });
    }
    const { baseUrl, apiKey, ledger: path } = desk.options;
    const target = { baseUrl: new URL(baseUrl).href, apiKey };
    const held = openLedger({ path, runId: 'another' as RunId, what: 'a test', target, sameAccount: false, now: Date.now });
    try {
      expect((await call(desk, ['verify', runId])).code).toBe(0);
      const refused = await call(desk, ['undo', runId, '--yes', '--json']);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toContain('Another run holds the ledger');
    } finally {
      await held.close();
    }
    expect(desk.sandbox.stats().created).toBe(3);
  });
});
