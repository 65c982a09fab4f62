import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkLedger } from '../../src/ledger/check.js';
import { openDatabase } from '../../src/ledger/database.js';
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
    ['the tail indexed again and again, slice by slice', 60],
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
    const images = join(folder, 'images');
    const job = { kind: 'loop', module: countedBuild(), path, runId: 'run-1', batches: 18, size: 2, tailLength: 12 } as const;
    const whole = startLedgerProcess(job, { env: { IMAGES: images, LEDGER: path } });
    expect((await whole.ended()).code).toBe(0);
    expect(whole.lines.filter((line) => !line.startsWith('step ')).at(-1)).toBe('closed');
    const steps = whole.lines.filter((line) => line.startsWith('step '));
    expect(steps.length).toBeGreaterThan(50);
    // The tail was indexed, and of that index some went on to the large level.
    const last = openDatabase(join(images, steps.at(-1)!, 'ledger.db'), { readOnly: true, busyMs: 0 });
    for (const level of ['recent_by_fingerprint', 'note_by_fingerprint'])
      expect(last.prepare(`SELECT count(*) AS entries FROM ${level}`).get()?.entries, level).toBeGreaterThan(0);
    last.close();

    for (const step of steps) {
      // The file may not be there yet; then nothing was told either.
      const image = join(images, step, 'ledger.db');
      const ledger = openHere('check', image);
      await checkRun(ledger, 'run-1', whole.lines.slice(0, whole.lines.indexOf(step)), true, 2);
      await ledger.close();
      expect((await checkLedger(image, { quick: false })).findings, step).toEqual([]);
    }
  });
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

  const ofContacts = await Promise.all([0, 1, 2].map((n) => ledger.contact(`contact ${n}`, null)));
  const memoryIds = new Set(ofContacts.flatMap((known) => [...known.memoryIds]));
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
      if (note?.memoryId != null) expect(memoryIds, where).toContain(note.memoryId);
    }
  }
  for (const note of await batchOf(committed)) expect(note).toBeNull();
  const failures = await ledger.failuresOfRun(runId(id), { after: null, limit: 1_000_000 });
  expect(failures.map(({ row }) => row)).toEqual(Array.from({ length: committed }, (_, batch) => batch));
}

/**
 * The built ledger beside a driver that keeps, at each step, the files as they are, and says so: what kill -9 there would leave, since what
 * was written stays written, and locks end with their process.
 */
function countedBuild(): string {
  const root = join(folder, 'build');
  const driver = join(root, 'node_modules/@photostructure/sqlite');
  mkdirSync(driver, { recursive: true });
  cpSync(new URL('../../dist', import.meta.url), join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(driver, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
  writeFileSync(join(driver, 'index.js'), imagingDriver(import.meta.resolve('@photostructure/sqlite')));
  return pathToFileURL(join(root, 'dist/ledger/sqlite.js')).href;
}

function imagingDriver(realDriver: string): string {
  return `
import { DatabaseSync as Real } from ${JSON.stringify(realDriver)};
import { copyFileSync, mkdirSync, readdirSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
let steps = 0;
const folder = dirname(process.env.LEDGER);
const step = () => {
  const name = 'step ' + ++steps;
  const image = join(process.env.IMAGES, name);
  mkdirSync(image, { recursive: true });
  for (const file of readdirSync(folder)) {
    if (file.startsWith('ledger.db')) copyFileSync(join(folder, file), join(image, file));
  }
  writeSync(1, name + '\\n');
};
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
