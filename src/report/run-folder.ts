import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import type { RunId } from '../model.js';

/**
 * Makes `<out>/<runId>/`, readable by the owner only, with the parents it needs; parents that are there stay as they are. A folder that is
 * there already is taken, since `openReportFile` never writes into a file that exists.
 *
 * @param out as given by the user; the path that comes back is relative if this is
 * @throws UserError where the folder can't be made, isn't a folder, or is a symbolic link
 */
export async function createRunFolder(out: string, runId: RunId): Promise<string> {
  const folder = join(out, runId);
  try {
    await makeParents(dirname(resolve(folder)));
    await mkdir(folder, { mode: FOLDER_MODE });
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST') || !(await isPlainFolder(folder))) {
      throw new UserError(`the run's folder ${folder} can't be made: ${reasonOf(cause)}; choose another place with --out`, { cause });
    }
  }
  return folder;
}

const FOLDER_MODE = 0o700;

/** Not `recursive`: Node tries for ever where a folder can't be made in one that is there, as in /proc. */
async function makeParents(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) await makeParents(dirname(folder));
  try {
    await mkdir(folder, { mode: FOLDER_MODE });
  } catch (error) {
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  }
}

/** False for a symbolic link: reports of a run never land where somebody else points to. */
async function isPlainFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Opens a new report for writing, readable by the owner only. Nothing that is there is ever overwritten, and a link is not followed.
 *
 * @throws UserError where it can't be made
 */
export async function openReportFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (cause) {
    const reason = hasCode(cause, 'EEXIST') ? 'there is a file (or link) of that name already' : reasonOf(cause);
    throw new UserError(`the report ${path} can't be made: ${reason}`, { cause });
  }
}

/** True for what `newRunId` makes; anything else must not become part of a path. */
export function isRunId(text: string): text is RunId {
  return /^\d{8}T\d{6}Z-[0-9a-f]{4}$/.test(text);
}

/**
 * A run's id, which sorts by time, also within a second: `20261123T030749Z-4f9a`. The digits behind are the milliseconds and some chance.
 *
 * @param now milliseconds since the epoch
 * @param random 0 ≤ x < 1, so that runs of the same millisecond differ
 */
export function newRunId(now: number, random: () => number): RunId {
  const time = new Date(now).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '');
  const suffix = Math.floor((((now % 1000) + random()) * 0x10000) / 1000)
    .toString(16)
    .padStart(4, '0');
  return `${time}-${suffix}` as RunId; // the one place where run ids are born
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
