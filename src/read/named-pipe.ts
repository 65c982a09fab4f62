import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const POLL_MS = 10;

/**
 * A named pipe (`mkfifo`, `<(…)`), opened without waiting for who writes into it: a thread that waits there can't be called back, and the
 * process couldn't even end.
 * @returns the bytes that are there, as soon as there are any; null: whoever wrote has closed it, or nobody is to be waited for any more
 */
export async function openNamedPipe(
  path: string,
): Promise<{ readonly read: () => Promise<Buffer | null>; readonly close: () => Promise<void> }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  /** Until somebody has opened it to write, it looks as if it were at its end. */
  let hasWriter = false;
  let isClosed = false;

  const read = async (): Promise<Buffer | null> => {
    while (!isClosed) {
      const chunk = await readNow(handle);
      if (chunk === null) hasWriter = true;
      else if (chunk.length > 0) {
        hasWriter = true;
        return chunk;
      } else if (hasWriter) return null;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return null;
  };

  return {
    read,
    async close() {
      if (isClosed) return;
      isClosed = true;
      await handle.close();
    },
  };
}

const CHUNK_BYTES = 64 * 1024;

/** null: nothing yet, and somebody may write; empty: nobody has it open to write. */
async function readNow(handle: FileHandle): Promise<Buffer | null> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
    throw error;
  }
}
