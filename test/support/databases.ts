import pg from 'pg';
import { inject } from 'vitest';

/** The tests' Postgres; null where there is none, and its tests are skipped. */
export const POSTGRES = inject('postgres');

/** A database of its own, empty. */
export interface TestDatabase {
  readonly url: string;
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Removes the ledger in it. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

let made = 0;

export async function createDatabase(server: { readonly url: string } | null = POSTGRES): Promise<TestDatabase> {
  if (server === null) throw new Error('there is no Postgres');
  const name = `test_${process.pid}_${++made}`;
  await once(`${server.url}/postgres`, `CREATE DATABASE ${name} STRATEGY wal_log`);
  const client = new pg.Client({ connectionString: `${server.url}/${name}` });
  client.on('error', () => {}); // where the test stops the server
  await client.connect();
  return {
    url: `${server.url}/${name}`,
    query: async (text, values = []) => (await client.query(text, [...values])).rows,
    async empty() {
      await client.query('DROP SCHEMA IF EXISTS memory_import CASCADE');
    },
    async drop() {
      await client.end().catch(() => {});
      await once(`${server.url}/postgres`, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => {});
    },
  };
}

let roles = 0;

/** A role that may do nothing yet, and the address by which it comes. It goes, with what it owns, when the test is over. */
export async function createRole(
  database: TestDatabase,
  whenOver: (clean: () => Promise<void>) => void,
): Promise<{ readonly role: string; readonly url: string }> {
  const url = new URL(database.url);
  const role = `${url.pathname.slice(1)}_role_${++roles}`;
  await database.query(`CREATE ROLE ${role} LOGIN`);
  whenOver(async () => void (await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)));
  url.username = role;
  return { role, url: url.href };
}

async function once(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
