/** The bytes from the last delivered record on, in one piece, so that a record's bytes are at hand although it came in several chunks. */
interface RollingBytes {
  append(chunk: Buffer): void;
  /** A view, good until the next `append`. */
  slice(start: number, end: number): Buffer;
  /** Offset behind the last byte. */
  end(): number;
  forget(before: number): void;
}

/** @param start the offset of the first byte that will be appended */
export function rollingBytes(start: number): RollingBytes {
  let buffer: Buffer = Buffer.alloc(0);
  let own = false;
  let first = 0;
  let length = 0;
  let offset = start;

  return {
    end: () => offset + length,
    slice: (from, to) => buffer.subarray(first + from - offset, first + to - offset),
    forget: (before) => {
      const gone = before - offset;
      first += gone;
      length -= gone;
      offset = before;
    },
    append: (chunk) => {
      if (length === 0) {
        buffer = chunk;
        own = false;
        first = 0;
      } else if (own && first + length + chunk.length <= buffer.length) {
        chunk.copy(buffer, first + length);
      } else {
        // Twice as large where much is kept: a record of many chunks isn't copied for each of them.
        const larger = Buffer.allocUnsafe(2 * length + chunk.length);
        buffer.copy(larger, 0, first, first + length);
        chunk.copy(larger, length);
        buffer = larger;
        own = true;
        first = 0;
      }
      length += chunk.length;
    },
  };
}
