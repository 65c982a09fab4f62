import { fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader } from 'yauzl';
import { StoppedError, UserError } from '../errors.js';
import { looksZipped } from './content.js';
import { createPartList } from './part-list.js';
import { openRandomAccess, type RandomAccess } from './random-access.js';
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

/** So many files are no export; reading their names takes seconds. */
const MOST_ENTRIES = 1_000_000;

async function readDirectory(path: string, file: RandomAccess) {
  const list = createPartList(path, file.size);
  try {
    // Names aren't trusted, so they needn't be right either.
    const zip = await fromRandomAccessReaderPromise(new DirectoryReader(file), file.size, { autoClose: false, decodeStrings: false });
    if (zip.entryCount > MOST_ENTRIES)
      throw new UserError(`${path}: the zip archive says that it holds ${zip.entryCount} files; expected at most ${MOST_ENTRIES}`);
    for await (const entry of zip.eachEntry()) {
      list.add({
        // Types know this as text; with `decodeStrings: false` only the raw bytes are.
        name: getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false),
        offset: entry.relativeOffsetOfLocalHeader,
        packedBytes: entry.compressedSize,
        plainBytes: entry.uncompressedSize,
        method: entry.compressionMethod,
        isEncrypted: entry.isEncrypted(),
        crc: entry.crc32,
      });
    }
  } catch (error) {
    if (error instanceof UserError || error instanceof StoppedError) throw error;
    throw new UserError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  return list.finish();
}

/** The directory is read in many small pieces, one behind the other. */
class DirectoryReader extends RandomAccessReader {
  readonly #file: RandomAccess;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(file: RandomAccess) {
    super();
    this.#file = file;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: (error: Error | null, bytes?: number) => void) {
    const from = position - this.#at;
    if (from >= 0 && from + length <= this.#block.length) {
      callback(null, this.#block.copy(buffer, offset, from, from + length));
      return;
    }
    this.#file.read(position, Math.max(length, BLOCK_BYTES)).then(
      (block) => {
        this.#block = block;
        this.#at = position;
        callback(null, block.copy(buffer, offset, 0, length));
      },
      (error: Error) => callback(error),
    );
  }
}

const BLOCK_BYTES = 64 * 1024;

function whyUnreadable(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('signature not found')) {
    return 'the zip archive ends too early or is damaged: its directory, which stands at the end, is missing; get the whole file and run the same command again, or if it is a spreadsheet, save it as CSV and import that';
  }
  if (message.includes('multi-disk'))
    return 'is one of several pieces of a zip archive; put them together, unpack them, and import the CSV files';
  if (message.includes('encryption')) return ENCRYPTED;
  return `the zip archive can't be read (${message}); get the whole file, or unpack it and import the CSV files in it`;
}

const ENCRYPTED = "the zip archive is encrypted, which can't be read here; unpack it with its password, and import the CSV files in it";
