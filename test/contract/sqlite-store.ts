import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger, openLedgerToRead, type WriteMode } from '../../src/ledger/sqlite.js';
import { type LedgerUnderTest, runId } from './ledger-store.js';

const TARGET = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };

export interface SqliteUnderTest extends LedgerUnderTest {
  /** Where it is now; a crash moves it. */
  path(): string;
}

/** @param open how the ledger is opened to be written; default: in this thread */
export async function createSqlite(open: (mode: WriteMode) => Ledger | Promise<Ledger> = openLedger): Promise<SqliteUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-ledger-'));
  const opened = new Set<Ledger>();
  let generation = 0;
  const path = () => join(folder, `${generation}`, 'ledger.db');

  return {
    writers: 'one',
    path,
    async open({ runId: id, now = Date.now, target = TARGET, sameAccount = false, tailLength }) {
      const more = tailLength === undefined ? {} : { tailLength };
      const ledger = await open({ path: path(), runId: runId(id), what: `test ${id}`, target, sameAccount, now, ...more });
      opened.add(ledger);
      return ledger;
    },
    async openToRead() {
      const ledger = openLedgerToRead(path());
      if (ledger !== null) opened.add(ledger);
      return ledger;
    },
    async crash(ledger) {
      // What a killed process leaves: the database and its log as they are in this moment. The copy goes on, the original is let go.
      const before = path();
      generation++;
      mkdirSync(join(folder, `${generation}`), { mode: 0o700 });
      for (const suffix of ['', '-wal']) if (existsSync(before + suffix)) copyFileSync(before + suffix, path() + suffix);
      await ledger.close();
    },
    async bytes() {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
    },
    async destroy() {
      for (const ledger of opened) await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
