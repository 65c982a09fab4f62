import { closeSync, openSync, readSync } from 'node:fs';

/** So much is far more than any file of options, or of a key, has. */
const MAX_BYTES = 1024 * 1024;

/**
 * A file that is meant to be small, as UTF-8. It may be a pipe (`<(pass show callers)`); a device that never ends is refused, not read.
 * @throws Error where it can't be read, or is larger than 1 MiB
 */
export function readSmallFile(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > MAX_BYTES) throw new Error('more than 1 MiB');
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
