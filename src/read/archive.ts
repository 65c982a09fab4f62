import { StoppedError, UserError } from '../errors.js';
import { looksZipped } from './content.js';
import { openRandomAccess } from './random-access.js';
import type { StoredBytes } from './stored.js';
import { partBytes } from './zip-part.js';

/** A zip archive of CSV files, each of which is an input of its own. Nothing of it is written anywhere. */
export interface Archive {
  /** The archive's own size. */
  readonly totalBytes: number;
  /** In the natural order of their names: part-2 before part-10. */
  readonly parts: readonly ArchivePart[];
  /** How many files in it are no CSV, and the first of their names, safe to be shown. */
  readonly leftOut: { readonly count: number; readonly names: readonly string[] };
  close(): Promise<void>;
}

export interface ArchivePart {
  /** `export.zip/part-1.csv`, safe to be shown. */
  readonly path: string;
  /** Packed, as it is stored. */
  readonly totalBytes: number;
  /** Begins at its first byte, as often as it is called. */
  open(): StoredBytes;
}

/**
 * Reads a zip archive's directory (APPNOTE.TXT 6.3: ZIP64 and data descriptors too).
 * @returns null where the file isn't a zip archive, or can't be one (a pipe, a folder)
 * @throws UserError where it can't be imported, with what to do
 */
export async function openArchive(path: string): Promise<Archive | null> {
  const file = await openRandomAccess(path, looksZipped);
  if (file === null) return null;
  try {
    // Loaded where there is an archive: most imports have none.
    const { readDirectory } = await import('./zip-directory.js');
    const { parts, leftOut } = await readDirectory(path, file);
    const done = new Set<number>();
    return {
      totalBytes: file.size,
      parts: parts.map(({ label, entry }, index) => ({
        path: label,
        totalBytes: entry.packedBytes,
        open: () =>
          partBytes({
            file,
            label,
            entry,
            atEnd: async () => {
              await file.refuseChanged();
              done.add(index);
              if (done.size === parts.length) await file.hash();
            },
          }),
      })),
      leftOut,
      close: file.close,
    };
  } catch (error) {
    await file.close();
    throw error instanceof StoppedError ? new UserError(error.message, { cause: error }) : error;
  }
}
