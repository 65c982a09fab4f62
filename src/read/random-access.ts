import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { refuseChanged } from './stored.js';

/** A file that is read from anywhere, and whose hash is taken at the end. */
export interface RandomAccess {
  readonly path: string;
  readonly size: number;
  /** @returns as many bytes as there are, up to `length` */
  read(position: number, length: number): Promise<Buffer>;
  /** Reads all of it once more. */
  hash(): Promise<void>;
  /** Of all bytes, in hex; null before `hash()`. */
  sha256(): string | null;
  /** @throws StoppedError if it isn't what it was when it was opened */
  refuseChanged(): Promise<void>;
  close(): Promise<void>;
}

/** @returns null where it isn't a regular file that begins as asked: what is wrong with it is said by whoever reads it as a plain one */
export async function openRandomAccess(path: string, begins: (head: Buffer) => boolean): Promise<RandomAccess | null> {
  const handle = await openRegular(path);
  if (handle === null) return null;
  const before = await handle.stat({ bigint: true });
  const size = Number(before.size);
  const unchanged = async () => refuseChanged({ path, before, now: await handle.stat({ bigint: true }), bytes: size });
  const read = async (position: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  };
  let digest: string | null = null;
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await handle.close();
  };
  if (!begins(await read(0, 4))) {
    await close();
    return null;
  }
  return {
    path,
    size,
    read,
    close,
    sha256: () => digest,
    hash: async () => {
      if (digest !== null) return;
      const hash = createHash('sha256');
      for (let at = 0; at < size; at += BLOCK_BYTES) hash.update(await read(at, Math.min(BLOCK_BYTES, size - at)));
      await unchanged();
      digest = hash.digest('hex');
    },
    refuseChanged: unchanged,
  };
}

const BLOCK_BYTES = 256 * 1024;

async function openRegular(path: string): Promise<FileHandle | null> {
  try {
    // A pipe that is opened twice loses its beginning, or waits for ever.
    return (await stat(path)).isFile() ? await open(path, 'r') : null;
  } catch {
    return null;
  }
}
