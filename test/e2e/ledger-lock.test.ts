import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LedgerHeldError } from '../../src/errors.js';
import { openLedger } from '../../src/ledger/sqlite.js';
import { runId } from '../contract/ledger-store.js';
import { type LedgerProcess, startLedgerProcess } from './ledger-process.js';

let folder: string;
let path: string;
let running: LedgerProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-import-lock-'));
  mkdirSync(join(folder, 'real'));
  path = join(folder, 'real', 'ledger.db');
  running = [];
});
afterEach(async () => {
  for (const one of running) {
    one.child.kill('SIGKILL');
    await one.ended();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function startHolder(kind: 'hold' | 'holdTwice', lines: number): Promise<LedgerProcess> {
  const holder = startLedgerProcess({ kind, path, runId: 'run-1', what: 'import of the night.csv' });
  running.push(holder);
  await holder.said(lines);
  return holder;
}

function openHere(at = path) {
  const target = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };
  return openLedger({ path: at, runId: runId('run-2'), what: 'test', target, sameAccount: false, now: Date.now });
}

function refusal(at = path): Error {
  try {
    void openHere(at).close();
  } catch (error) {
    if (error instanceof LedgerHeldError) return error;
    throw error;
  }
  throw new Error('the ledger was opened twice');
}

test('a second process is told who holds the ledger, where, since when and what for', async () => {
  const before = new Date().toISOString();
  const holder = await startHolder('hold', 1);
  expect(holder.lines).toEqual(['open']);
  const { message } = refusal();
  expect(message).toContain(path);
  expect(message).toContain(`process ${holder.child.pid} on ${hostname()}`);
  expect(message).toContain('import of the night.csv');
  const since = /since ([-0-9T:.]+Z)/.exec(message)?.[1] ?? '';
  expect(since >= before && since <= new Date().toISOString()).toBe(true);

  holder.child.stdin?.end();
  await holder.ended();
  await openHere().close();
  expect(readdirSync(join(folder, 'real'))).not.toContain('ledger.db-holder.json');
});

test('after the holder was killed the next one opens at once', async () => {
  const holder = await startHolder('hold', 1);
  refusal();
  holder.child.kill('SIGKILL');
  await holder.ended();
  await openHere().close();
});

test('two openings in one process: the second is refused, and the first still holds against others', async () => {
  const holder = await startHolder('holdTwice', 2);
  expect(holder.lines).toEqual(['second LedgerHeldError', 'open']);
  refusal();
  refusal(); // being refused must not loosen it either
  holder.child.stdin?.end();
  await holder.ended();
  await openHere().close();
});

test('the ledger reached by another path has the same lock', async () => {
  symlinkSync(join(folder, 'real'), join(folder, 'folder-link'));
  symlinkSync(path, join(folder, 'file-link.db'));
  await startHolder('hold', 1);
  refusal(join(folder, 'folder-link', 'ledger.db'));
  refusal(join(folder, 'file-link.db'));
  refusal(join(folder, 'real', '..', 'real', 'ledger.db'));
});

test('of many processes that start at once, on a ledger that isn\u2019t there yet, exactly one gets it', async () => {
  const many = Array.from({ length: 5 }, (_, i) => startLedgerProcess({ kind: 'hold', path, runId: `run-${i}` }));
  running.push(...many);
  await Promise.all(many.map((one) => one.said(1)));
  const said = many.map((one) => one.lines[0]?.split(':')[0]);
  expect(said.sort()).toEqual(['error LedgerHeldError', 'error LedgerHeldError', 'error LedgerHeldError', 'error LedgerHeldError', 'open']);
});
