import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { existingFile } from './ledger-file.js';

/** Who holds a ledger: told to a second run. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO date-time. */
  readonly since: string;
  /** What it is doing, for instance `import notes.csv`. */
  readonly what: string;
}

/**
 * Who seems to hold the ledger, without trying: its note is there, and its process lives, or is on another host; null: nobody.
 * @param givenPath may be a link: the note stands beside the real file
 * @throws UserError where that is no file, or can't be told
 */
export function liveHolder(givenPath: string): Holder | null {
  const holder = readHolder(`${existingFile(givenPath) ?? givenPath}-holder.json`);
  return holder === null || holder.host !== hostname() || isAlive(holder.pid) ? holder : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Killed, and not yet collected by its parent: it takes signals, and holds no lock any more. Told on Linux; elsewhere it counts as alive. */
function isZombie(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // `pid (name) state …`, and the name may have brackets in it.
    return /^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** The holder's own note; null where there is none. It is left over where a run was killed, so only a failed lock makes it true. */
export function readHolder(holderPath: string): Holder | null {
  try {
    const holder: unknown = JSON.parse(readFileSync(holderPath, 'utf8'));
    return isHolder(holder) ? holder : null;
  } catch {
    return null;
  }
}

/** A file of its own name, moved into place: a reader never sees half of it, and a link that stands there isn't followed. */
export function writeHolder(holderPath: string, holder: Holder): void {
  const draft = `${holderPath}.${process.pid}`;
  rmSync(draft, { force: true });
  try {
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(draft, holderPath);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && 'pid' in value && 'host' in value && 'since' in value && 'what' in value;
}
