import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as baseTest } from 'vitest';
import { importMemories } from '../../src/import.js';
import type { RunSummary } from '../../src/model.js';
import type { ImportOptions } from '../../src/options.js';
import type { SandboxOptions } from '../../src/sandbox/options.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.js';
import { type UndoHooks, type UndoOptions, undoRun } from '../../src/undo.js';
import { type VerifyOptions, verifyRun } from '../../src/verify.js';
import { csvOf, type Note } from './notes.js';
import { readReport } from './reports.js';

/** The library at work in this process: a sandbox, a folder, a ledger. Gone when the test is over. */
export interface Desk {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly options: { readonly baseUrl: string; readonly apiKey: string; readonly ledger: string };
  import(notes: readonly Note[], options?: ImportOptions): Promise<RunSummary>;
  verify(runId: string, options?: VerifyOptions, hooks?: UndoHooks): ReturnType<typeof verifyRun>;
  undo(runId: string, options?: UndoOptions, hooks?: UndoHooks): ReturnType<typeof undoRun>;
  /** A report of the run, by column. */
  table(runId: string, name: string): Record<string, string>[];
  /** The id of the memory that has this name. */
  idOf(name: string): string;
  /** Methods and ids of the requests that came since the last call. */
  news(): readonly { readonly method: string; readonly path: string; readonly subOrg: string | null }[];
}

/** `test` with `openDesk`, which is safe in concurrent tests too: everything it makes ends with its own test. */
export const test = baseTest.extend(
  'openDesk',
  ({ onTestFinished }) =>
    (options?: SandboxOptions) =>
      open(options ?? {}, onTestFinished),
);

async function open(sandboxOptions: SandboxOptions, whenOver: (clean: () => void | Promise<void>) => void): Promise<Desk> {
  const sandbox = await startSandbox({ missing: [], ...sandboxOptions });
  whenOver(() => sandbox.close());
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-desk-'));
  whenOver(() => rmSync(folder, { recursive: true, force: true }));
  const options = { baseUrl: sandbox.url, apiKey: 'sandbox-key', ledger: join(folder, 'ledger.db') };
  const quick = { timeout: '5s', reconcileWait: '50ms' };
  const env = {};
  let seen = 0;
  return {
    sandbox,
    folder,
    options,
    import(notes, more = {}) {
      const path = join(folder, 'notes.csv');
      writeFileSync(path, csvOf(notes));
      return importMemories({ inputs: [path], out: join(folder, 'runs'), ...options, ...quick, ...more }, { env });
    },
    verify: (runId, more = {}, hooks = {}) => verifyRun(runId, { ...options, ...quick, ...more }, { env, ...hooks }),
    undo: (runId, more = {}, hooks = {}) => undoRun(runId, { ...options, timeout: quick.timeout, ...more }, { env, ...hooks }),
    table: (runId, name) => readReport(join(folder, 'runs', runId, name)),
    idOf(name) {
      const memory = sandbox.memories().find((one) => one.name === name);
      if (memory === undefined) throw new Error(`no memory is called ${name}`);
      return memory.id;
    },
    news() {
      const all = sandbox.requests();
      const fresh = all.slice(seen).map(({ method, path, subOrg }) => ({ method, path, subOrg }));
      seen = all.length;
      return fresh;
    },
  };
}

/** Notes `1`, `2` … of the contacts, in turn. */
export function notesOf(contacts: readonly string[], count: number): Note[] {
  return Array.from({ length: count }, (_, i) => ({
    contactId: contacts[i % contacts.length]!,
    name: `${i + 1}`,
    text: `What was said in call ${i + 1}`,
  }));
}
