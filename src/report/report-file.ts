import type { FileHandle } from 'node:fs/promises';

/** A report on disk, written in large blocks, at most one of them under way. */
export interface ReportFile {
  readonly path: string;
  /** Takes the data; nothing is written yet. */
  append(data: string | Uint8Array): void;
  /** Resolves when more may be appended: at most about two blocks are ever held. Rejects with the reason once the file has failed. */
  ready(): Promise<void>;
  /** Resolves when everything appended has been handed to the operating system. */
  flush(): Promise<void>;
  /** Flushes, and closes also if that fails. */
  close(): Promise<void>;
}

/** Owns the handle from here on. Errors name the file and why. */
export function reportFile(path: string, handle: FileHandle): ReportFile {
  let parts: (string | Uint8Array)[] = [];
  let size = 0;
  let writing: Promise<void> | null = null;
  let failure: Error | null = null;

  function startWriting(): void {
    if (writing !== null || size === 0) return;
    const block = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
    parts = [];
    size = 0;
    // Kept, not thrown: nobody may be waiting for this block. The next call says so.
    writing = writeAll(handle, block)
      .catch((cause: unknown) => {
        failure = new Error(`can't write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      })
      .finally(() => {
        writing = null;
      });
  }

  function throwIfFailed(): void {
    if (failure !== null) throw failure;
  }

  async function flush(): Promise<void> {
    throwIfFailed();
    while (writing !== null || size > 0) {
      startWriting();
      await writing;
      throwIfFailed();
    }
  }

  return {
    path,
    append(data) {
      parts.push(data);
      size += data.length;
    },
    async ready() {
      while (writing !== null && size >= BLOCK) await writing;
      throwIfFailed();
      if (size >= BLOCK) startWriting();
    },
    flush,
    async close() {
      try {
        await flush();
      } finally {
        await handle.close();
      }
    },
  };
}

/** In UTF-16 units or bytes; what comes out may be a little more. */
const BLOCK = 64 * 1024;

/** A write may be cut short (a signal, a disk almost full); the rest follows or fails. */
async function writeAll(handle: FileHandle, block: Uint8Array): Promise<void> {
  for (let offset = 0; offset < block.length; ) {
    const { bytesWritten } = await handle.write(block, offset);
    offset += bytesWritten;
  }
}
