import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger, openLedgerToRead } from '../../src/ledger/sqlite.js';
import { fingerprint, runId } from '../contract/ledger-store.js';
import { startLedgerProcess } from './ledger-process.js';

const SIZE = 10;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-crash-'));
  path = join(folder, 'ledger.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function openHere(id: string, at = path): Ledger {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  return openLedger({ path: at, runId: runId(id), what: 'test', target, sameAccount: false, now: Date.now });
}

describe('kill -9', () => {
  test.each([
    ['everything in the tail', 100_000],
    ['the tail indexed again and again', 12],
  ])('at random moments, with %s, takes nothing that was acknowledged', async (_name, tailLength) => {
    const told = new Map<string, readonly string[]>();
    for (let kill = 0; kill < 12; kill++) {
      const id = `run-${kill}`;
      const running = startLedgerProcess({ kind: 'loop', path, runId: id, batches: 100_000, size: SIZE, tailLength });
      // How far it has come when it hears of it differs each time.
      await running.said(2 + ((kill * 7) % 40));
      running.child.kill('SIGKILL');
      expect((await running.ended()).signal).toBe('SIGKILL');
      told.set(id, running.lines);
      // Now and then two runs die one after the other.
      if (kill % 3 === 1) continue;
      const ledger = kill % 2 === 0 ? openHere(`check-${kill}`) : openLedgerToRead(path)!;
      for (const [run, lines] of told) await checkRun(ledger, run, lines, kill % 2 === 0);
      await ledger.close();
    }
    const last = openHere('last');
    for (const [run, lines] of told) await checkRun(last, run, lines, true);
    await last.close();
  });

  test('before and after every single step of the database takes nothing that was acknowledged', async () => {
    const module = countedBuild();
    const job = (step: number) => ({
      kind: 'loop' as const,
      module,
      path: join(folder, `${step}`, 'ledger.db'),
      runId: 'run-1',
      batches: 3,
      size: 3,
      tailLength: 4,
    });
    const whole = startLedgerProcess(job(0));
    await whole.ended();
    expect(whole.lines.at(-2)).toBe('closed');
    const steps = Number(whole.lines.at(-1)?.replace('steps ', ''));
    expect(steps).toBeGreaterThan(50);

    const dieAt = async (step: number) => {
      const dying = startLedgerProcess(job(step), { env: { DIE_AT_STEP: String(step) } });
      expect((await dying.ended()).signal, `step ${step}`).toBe('SIGKILL');
      // The file may not be there yet; then nothing was told either.
      const ledger = openHere('check', job(step).path);
      await checkRun(ledger, 'run-1', dying.lines, true, 3);
      await ledger.close();
      rmSync(join(folder, `${step}`), { recursive: true });
    };
    for (let step = 1; step <= steps; step += 2) await Promise.all([dieAt(step), ...(step < steps ? [dieAt(step + 1)] : [])]);
  }, 240_000);
});

/**
 * What the killed run was told to be durable is there; of the commit it died in, all or nothing.
 * @param isTakenOver whether a later run has the ledger: what was under way is in doubt then
 */
async function checkRun(ledger: Ledger, id: string, lines: readonly string[], isTakenOver: boolean, size = SIZE): Promise<void> {
  const acknowledged = lines.filter((line) => line.startsWith('ok ')).length;
  const tried = lines.filter((line) => line.startsWith('try ')).length;
  expect(tried - acknowledged).toBeLessThanOrEqual(1);
  const claimed = new Set(isTakenOver ? ['in_doubt'] : ['in_doubt', 'claimed']);
  const batchOf = (batch: number) => ledger.lookup(Array.from({ length: size }, (_, i) => fingerprint(`${id} ${batch} ${i}`)));

  const unsure = await batchOf(acknowledged);
  const isUnsureThere = unsure[0] !== null;
  for (const note of unsure) expect(note !== null).toBe(isUnsureThere);
  if (tried === acknowledged) expect(isUnsureThere).toBe(false);
  const committed = acknowledged + Number(isUnsureThere);

  for (let batch = 0; batch < committed; batch++) {
    const isSettled = batch < committed - 1;
    for (const [place, note] of (await batchOf(batch)).entries()) {
      const where = `${id} ${batch} ${place}`;
      expect(note, where).toMatchObject({ row: where, runId: id });
      if (!isSettled || place % 5 === 4) expect(claimed, where).toContain(note?.state);
      else expect(note?.state, where).toBe((['created', 'failed', 'released', 'in_doubt'] as const)[place % 5]);
    }
  }
  for (const note of await batchOf(committed)) expect(note).toBeNull();
  const failures = await ledger.failuresOfRun(runId(id), { after: null, limit: 1_000_000 });
  expect(failures.map(({ row }) => row)).toEqual(Array.from({ length: committed }, (_, batch) => batch));
}

/** The built ledger beside a driver that counts what is asked of it, and dies at the step that the environment names. */
function countedBuild(): string {
  const root = join(folder, 'build');
  const driver = join(root, 'node_modules/@photostructure/sqlite');
  mkdirSync(driver, { recursive: true });
  cpSync(new URL('../../dist', import.meta.url), join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(driver, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
  writeFileSync(join(driver, 'index.js'), countingDriver(import.meta.resolve('@photostructure/sqlite')));
  return pathToFileURL(join(root, 'dist/ledger/sqlite.js')).href;
}

function countingDriver(realDriver: string): string {
  return `
import { DatabaseSync as Real } from ${JSON.stringify(realDriver)};
import { writeSync } from 'node:fs';
const last = Number(process.env.DIE_AT_STEP ?? 0);
let steps = 0;
const step = () => {
  if (++steps !== last) return;
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
process.on('exit', () => writeSync(1, 'steps ' + steps + '\\n'));
export class DatabaseSync {
  constructor(path, options) { step(); this.real = new Real(path, options); step(); }
  exec(sql) { step(); this.real.exec(sql); }
  prepare(sql) {
    const statement = this.real.prepare(sql);
    return {
      run: (...values) => { step(); return statement.run(...values); },
      get: (...values) => statement.get(...values),
      all: (...values) => statement.all(...values),
      iterate: (...values) => statement.iterate(...values),
    };
  }
  close() { step(); this.real.close(); step(); }
  get isOpen() { return this.real.isOpen; }
  get isTransaction() { return this.real.isTransaction; }
}
`;
}
