import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StoppedError, UserError } from '../errors.js';
import { openNamedPipe } from './named-pipe.js';

/** The bytes as they are stored, in chunks of at most 64 KiB, counted and hashed on their way. */
export interface StoredBytes {
  readonly totalBytes: number | null;
  /** @throws StoppedError at the end, if the file isn't what it was when it was opened; also if it can't be read any more */
  readonly read: () => Promise<Buffer | null>;
  readonly bytesRead: () => number;
  readonly sha256: () => string | null;
  readonly close: () => Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;

/** @throws UserError if there is nothing to read at `path` (`-`: `stdin`, default the process's own) */
export async function openStored(path: string, stdin?: Readable): Promise<StoredBytes> {
  const source = path === '-' ? fromStream(stdin ?? process.stdin) : await fromFile(path);
  const hash = createHash('sha256');
  let bytes = 0;
  let digest: string | null = null;
  return {
    totalBytes: source.totalBytes,
    bytesRead: () => bytes,
    sha256: () => digest,
    close: source.close,
    read: async () => {
      if (digest !== null) return null;
      const chunk = await source.read();
      if (chunk === null) {
        digest = hash.digest('hex');
        return null;
      }
      hash.update(chunk);
      bytes += chunk.length;
      return chunk;
    },
  };
}

type Source = Pick<StoredBytes, 'totalBytes' | 'read' | 'close'>;

async function fromFile(path: string): Promise<Source> {
  let handle: FileHandle;
  try {
    if ((await stat(path)).isFIFO()) return await fromNamedPipe(path);
    handle = await open(path, 'r');
  } catch (error) {
    throw new UserError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  const before = await handle.stat({ bigint: true });
  if (before.isDirectory()) {
    await handle.close();
    throw new UserError(`${path}: is a folder; name the CSV files in it`);
  }
  const regular = before.isFile();
  let bytes = 0;
  let closed = false;
  return {
    totalBytes: regular ? Number(before.size) : null,
    read: async () => {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      let bytesRead: number;
      try {
        ({ bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null));
      } catch (error) {
        throw new StoppedError('input_changed', `${path}: ${whyUnreadable(error)}, after ${bytes} bytes`, false, { cause: error });
      }
      bytes += bytesRead;
      // Longer than it was: it is being written to, perhaps without an end.
      if (regular && (bytesRead === 0 || bytes > before.size)) {
        refuseChanged({ path, before, now: await handle.stat({ bigint: true }), bytes });
      }
      return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

async function fromNamedPipe(path: string): Promise<Source> {
  const pipe = await openNamedPipe(path);
  return {
    totalBytes: null,
    read: () =>
      pipe.read().catch((error: unknown) => {
        throw new StoppedError('input_changed', `${path}: ${whyUnreadable(error)}`, false, { cause: error });
      }),
    close: pipe.close,
  };
}

/** @throws StoppedError where the file isn't what it was, or more or fewer bytes were read than it had */
export function refuseChanged(reading: {
  readonly path: string;
  readonly before: BigIntStats;
  readonly now: BigIntStats;
  readonly bytes: number;
}): void {
  const { path, before, now, bytes } = reading;
  if (now.size === before.size && now.mtimeNs === before.mtimeNs && BigInt(bytes) === before.size) return;
  const change = now.size === before.size ? 'it was written to' : `it had ${before.size} bytes and has ${now.size} now`;
  throw new StoppedError(
    'input_changed',
    `${path}: the file changed while it was read (${change}); run the same command again once it is complete`,
    false,
  );
}

function fromStream(stream: Readable): Source {
  const chunks: AsyncIterator<unknown> = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return {
    totalBytes: null,
    read: async () => {
      while (rest.length === 0) {
        let next: IteratorResult<unknown>;
        try {
          next = await chunks.next();
        } catch (error) {
          throw new StoppedError('input_changed', `-: standard input ${whyUnreadable(error)}`, false, { cause: error });
        }
        if (next.done === true) return null;
        rest = Buffer.isBuffer(next.value) ? next.value : Buffer.from(next.value as string | Uint8Array); // what a byte stream can give
      }
      const chunk = rest.subarray(0, CHUNK_BYTES);
      rest = rest.subarray(CHUNK_BYTES);
      return chunk;
    },
    // Not by the iterator's `return`: it would wait for a chunk that may never come.
    close: async () => {
      stream.destroy();
    },
  };
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read: permission denied';
    case 'ENOTDIR':
      return 'there is no such file: a part of the path is not a folder';
    default:
      return `can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
