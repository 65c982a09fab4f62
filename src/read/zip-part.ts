import { crc32 } from 'node:zlib';
import { StoppedError } from '../errors.js';
import { inflatedRaw } from './gunzip.js';
import type { ZipEntry } from './part-list.js';
import type { RandomAccess } from './random-access.js';
import type { StoredBytes } from './stored.js';

const CHUNK_BYTES = 64 * 1024;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_SIGNATURE = 0x04034b50;

/**
 * A file of a zip archive, unpacked while it is read.
 * @param part.atEnd called once all of it was read and is sound
 */
export function partBytes(part: {
  readonly file: RandomAccess;
  readonly label: string;
  readonly entry: ZipEntry;
  readonly atEnd: () => Promise<void>;
}): StoredBytes {
  const { file, label, entry, atEnd } = part;
  let packedRead = 0;
  let taken = 0;
  let plainBytes = 0;
  let crc = 0;
  let start: number | null = null;
  let ended = false;

  const packed = async (): Promise<Buffer | null> => {
    start ??= await dataStart();
    const length = Math.min(CHUNK_BYTES, entry.packedBytes - packedRead);
    if (length === 0) return null;
    const chunk = await file.read(start + packedRead, length);
    if (chunk.length < length) throw damaged('the archive ends within it');
    packedRead += length;
    return chunk;
  };
  const count = (bytes: number) => {
    taken += bytes;
  };
  const stored = async () => {
    const chunk = await packed();
    count(chunk?.length ?? 0);
    return chunk;
  };
  const plain = entry.method === 8 ? inflatedRaw(packed, label, count) : stored;

  return {
    totalBytes: entry.packedBytes,
    bytesRead: () => taken,
    sha256: file.sha256,
    close: async () => undefined,
    read: async () => {
      if (ended) return null;
      try {
        const chunk = await plain();
        if (chunk !== null) {
          plainBytes += chunk.length;
          crc = crc32(chunk, crc);
          if (plainBytes > entry.plainBytes)
            throw damaged(`it is longer than the ${entry.plainBytes} bytes that the archive's directory has for it`);
          return chunk;
        }
        if (plainBytes !== entry.plainBytes) {
          throw damaged(`it has ${plainBytes} bytes, and the archive's directory has ${entry.plainBytes} for it`);
        }
        if (crc !== entry.crc) throw damaged("its checksum (CRC-32) isn't the one that the archive's directory has for it");
      } catch (error) {
        // What looks like damage may come from somebody who writes to the archive.
        await file.refuseChanged();
        throw error;
      }
      await atEnd();
      ended = true;
      return null;
    },
  };

  async function dataStart(): Promise<number> {
    const header = await file.read(entry.offset, LOCAL_HEADER_BYTES);
    if (header.length < LOCAL_HEADER_BYTES || header.readUInt32LE(0) !== LOCAL_HEADER_SIGNATURE) {
      throw damaged("it isn't where the archive's directory says");
    }
    return entry.offset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  function damaged(what: string): StoppedError {
    return new StoppedError(
      'input_changed',
      `${label}: the zip archive is damaged: ${what}; get the whole file and run the same command again`,
      false,
    );
  }
}
