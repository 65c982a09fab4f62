import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { describe } from './database-error.js';

/** The ledger's real path, its folder made and its file there (0600). */
export function prepareLedgerFile(givenPath: string): string {
  try {
    makeFolder(dirname(givenPath));
    const existing = existingFile(givenPath);
    const path = existing ?? join(realpathSync(dirname(givenPath)), basename(givenPath));
    refuseNetwork(dirname(path), givenPath);
    if (existing === null) createFile(path);
    else refuseHardLink(path);
    return path;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`The ledger ${givenPath} can't be written: ${describe(error)}. Nothing was sent.`, { cause: error });
  }
}

function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    // Another run was faster; the lock decides which of the two goes on.
    if (existingFile(path) === null) throw error;
  }
}

/** The folder and those above it, made durable: a ledger that a power cut takes away with its folder has remembered nothing. */
function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let place = resolve(folder); !existsSync(place) && place !== dirname(place); place = dirname(place)) missing.unshift(place);
  // Not `recursive`: Node tries for ever where a folder can't be made in one that is there, as in /proc.
  for (const place of missing) {
    makeOne(place);
    if (process.platform !== 'win32') syncFolder(dirname(place));
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The real path of the file, so that the ledger has one lock however it is reached; null where there is none.
 * @throws UserError where it can't be told, or isn't a file
 */
export function existingFile(givenPath: string): string | null {
  try {
    const path = realpathSync(givenPath);
    if (statSync(path).isFile()) return path;
  } catch (error) {
    // Not ENOTDIR: a path below a file is a mistake, and `throwIfNoEntry` takes it for absence on some versions of Node.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new UserError(`The ledger ${givenPath} can't be read: ${describe(error)}. Nothing was sent.`, { cause: error });
  }
  throw new UserError(`The ledger ${givenPath} is a folder or a device; a file was expected. Nothing was sent.`);
}

/** Under a second name the same ledger would have a second lock. */
function refuseHardLink(path: string): void {
  const names = statSync(path).nlink;
  if (names === 1) return;
  throw new UserError(
    `The ledger ${path} has ${names} names (hard links), and two runs could both hold it. Nothing was sent. Make it a file of its own: copy it, and rename the copy to this name.`,
  );
}

/** The owner's only, whatever the umask was. */
export function keepPrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** Linux's magic numbers (statfs(2)): on these a lock may not hold between machines. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

function refuseNetwork(folder: string, givenPath: string): void {
  if (process.platform !== 'linux') return;
  const name = NETWORK_FILE_SYSTEMS.get(statfsSync(folder).type >>> 0);
  if (name === undefined) return;
  throw new UserError(
    `The ledger ${givenPath} is on a network file system (${name}), where two machines could both hold its lock. Put it on a local disk (--ledger).`,
  );
}
