import type { Database } from './database.js';

// How far something is true, or what it is, by name: the ledger's table `meta`.

/** 0 where there is none yet. */
export function readMark(database: Database, name: string): number {
  return Number(markValue(database, name) ?? 0);
}

export function markValue(database: Database, name: string): unknown {
  return database.prepare(READ_MARK).get(name)?.value;
}

export function writeMark(database: Database, name: string, value: number | string): void {
  database.prepare(WRITE_MARK).run(name, value);
}

const READ_MARK = 'SELECT value FROM meta WHERE name = ?';
const WRITE_MARK = 'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
