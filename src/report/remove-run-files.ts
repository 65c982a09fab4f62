import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** What was found in a run's folder, and taken away. */
export interface RemovedFiles {
  readonly files: number;
  readonly bytes: number;
  /** Names that a run doesn't write, and the links and folders among them: left where they are. */
  readonly left: readonly string[];
  /** The first thing that couldn't be removed, and why; null: all of it is gone. */
  readonly problem: string | null;
}

/**
 * Removes a run's report files and, if nothing else is in it, its folder. No link is followed.
 * @param folder must be named by a run id: the caller makes it of one
 * @param dryRun count only
 * @returns null where there is no such folder (a link or a file of that name is none)
 */
export async function removeRunFiles(folder: string, { dryRun }: { readonly dryRun: boolean }): Promise<RemovedFiles | null> {
  if (!(await isFolder(folder))) return null;
  let [files, bytes] = [0, 0];
  let problem: string | null = null;
  const left: string[] = [];
  try {
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name);
      const found = await lstat(path);
      if (found.isDirectory() && DRAFT_FOLDER.test(name)) {
        const inside = await removeRunFiles(path, { dryRun });
        files += inside?.files ?? 0;
        bytes += inside?.bytes ?? 0;
        left.push(...(inside?.left ?? []).map((file) => join(name, file)));
        problem ??= inside?.problem ?? null;
        continue;
      }
      if (!found.isFile() || !isReportFile(name)) {
        left.push(name);
        continue;
      }
      if (!dryRun) await unlink(path);
      files++;
      bytes += found.size;
    }
    if (!dryRun && left.length === 0 && problem === null) await rmdir(folder);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  return { files, bytes, left, problem };
}

/** True for a folder, not for a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Every name that a run, or a later look at it, writes; a name that is new is added here, or `--prune` leaves its file. */
const REPORT_FILES: readonly RegExp[] = [
  /^(?:success|verify|unknown-contacts)\.csv$/,
  /^(?:failures|malformed|undo)(?:-\d+)?\.csv$/,
  /^verify-(?:sample|incomplete)\.csv$/,
  /^summary\.json$/,
  /^import\.log$/,
  /^report\.html$/,
  // What a run that was killed was about to rename.
  /^\.[a-z-]+(?:-\d+)?(?:\.[a-z]+)?-\d+\.tmp$/,
];
/** Where `report` was killed while it wrote a run's files again. */
const DRAFT_FOLDER = /^\.rewrite-\d+$/;

function isReportFile(name: string): boolean {
  return REPORT_FILES.some((pattern) => pattern.test(name));
}
