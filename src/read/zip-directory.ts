import { fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader } from 'yauzl';
import { StoppedError, UserError } from '../errors.js';
import { createPartList } from './part-list.js';
import type { RandomAccess } from './random-access.js';

/** So many files are no export; reading their names takes seconds. */
const MOST_ENTRIES = 1_000_000;

/**
 * What the archive's directory says of its files.
 * @throws UserError where it can't be read, or nothing in it be imported; StoppedError where the file can't be read
 */
export async function readDirectory(path: string, file: RandomAccess) {
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
