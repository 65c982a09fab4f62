import type { Ledger } from '../../src/ledger/ledger.js';
import { openPostgresLedger, openPostgresToRead } from '../../src/ledger/postgres.js';
import type { TestDatabase } from '../support/databases.js';
import { type LedgerUnderTest, runId } from './ledger-store.js';

const TARGET = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };

/** A ledger of the Postgres store, in a database that several tests share one after the other. */
export async function createPostgres(database: TestDatabase): Promise<LedgerUnderTest> {
  await database.empty();
  const opened = new Set<Ledger>();
  const address = { ledger: database.url, ledgerPassword: null };

  return {
    writers: 'many',
    async open({ runId: id, now = Date.now, target = TARGET, sameAccount = false }) {
      const ledger = await openPostgresLedger({
        address,
        runId: runId(id),
        what: `test ${id}`,
        target,
        sameAccount,
        now,
        requestTimeoutMs: 0,
      });
      opened.add(ledger);
      return ledger;
    },
    async openToRead() {
      const ledger = await openPostgresToRead(address);
      if (ledger !== null) opened.add(ledger);
      return ledger;
    },
    async crash() {
      // As if its heartbeat had stopped a minute ago, and it doesn't come back. The next one ends its sessions and takes over.
      await database.query(STAY_DEAD);
      await database.query(`UPDATE memory_import.owner SET heartbeat = heartbeat - interval '1 minute'
        WHERE owner_number = (SELECT max(owner_number) FROM memory_import.owner)`);
    },
    async bytes() {
      const tables = await database.query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'memory_import'`);
      const dumps: string[] = [];
      for (const { table_name } of tables) {
        const rows = await database.query(`SELECT t::text AS line FROM memory_import."${table_name}" AS t`);
        dumps.push(...rows.map(({ line }) => String(line)));
      }
      return Buffer.from(dumps.join('\n'));
    },
    async destroy() {
      for (const ledger of opened) await ledger.close();
    },
  };
}

const STAY_DEAD = `
  CREATE OR REPLACE FUNCTION memory_import.stay_dead() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF old.heartbeat < clock_timestamp() - interval '30 seconds' AND new.heartbeat > old.heartbeat THEN RETURN NULL; END IF; RETURN new; END$$;
  CREATE OR REPLACE TRIGGER stay_dead BEFORE UPDATE ON memory_import.owner FOR EACH ROW EXECUTE FUNCTION memory_import.stay_dead()`;
