import { existsSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll } from 'vitest';

// The driver of SQLite lets go of a closed database's file when its statements are collected, and a worker runs many test files: on a
// machine with a limit of a thousand open files it would come to its end.
const OPEN_FILES = '/proc/self/fd';
const MANY = 200;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // what the flag gives to a new context

afterAll(letGoOfFiles);

/** For a test that opens hundreds of ledgers by itself. */
export function letGoOfFiles(): void {
  if (existsSync(OPEN_FILES) && readdirSync(OPEN_FILES).length > MANY) collect();
}
