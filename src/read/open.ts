import type { Readable } from 'node:stream';
import { StoppedError, UserError } from '../errors.js';
import { chooseEncoding, encodingName, isBlank, looksGzipped, refuseForeign } from './content.js';
import { gunzipped } from './gunzip.js';
import { openStored, type StoredBytes } from './stored.js';
import { transcoder } from './transcode.js';

/** An input whose first bytes were looked at: text, in a known encoding, read as UTF-8. */
export interface OpenInput {
  /** As given on the command line; `-` is standard input. */
  readonly path: string;
  /** The encoding's WHATWG name. */
  readonly encoding: string;
  /** Size as stored, in bytes; null where it can't be known (standard input, a pipe). */
  readonly totalBytes: number | null;
  /** Stored bytes (compressed, if they are) read so far. */
  bytesRead(): number;
  /** SHA-256 of the stored bytes in hex, once all of them were read; until then null. */
  sha256(): string | null;
  /**
   * The next UTF-8 bytes, without a byte order mark; null at the end. What isn't valid in the input's encoding isn't valid UTF-8 here either.
   * @throws StoppedError if the input changed while it was read, ends too early (gzip) or can't be read any more
   */
  read(): Promise<Buffer | null>;
  /** The input's own bytes for a range of the UTF-8 bytes that begins and ends at a line's end; null: the UTF-8 bytes are its own. */
  original(start: number, end: number): Uint8Array | null;
  /** Offsets before this one won't be asked for any more. */
  forget(before: number): void;
  close(): Promise<void>;
}

const HEAD_BYTES = 4096;

/**
 * Opens a CSV file, gzipped or not, or standard input for `-`.
 * @param options.encoding a WHATWG label; null: what the byte order mark says, else UTF-8
 * @throws UserError if it can't be read, is empty, or isn't text: the message names the path
 */
export async function openInput(options: { path: string; encoding: string | null; stdin?: Readable }): Promise<OpenInput> {
  return await openBytes({ ...options, stored: await openStored(options.path, options.stdin), mayBePacked: true });
}

/** The same for a file of an archive. */
export async function openPart(options: { path: string; encoding: string | null; stored: StoredBytes }): Promise<OpenInput> {
  return await openBytes({ ...options, mayBePacked: false });
}

async function openBytes(options: {
  path: string;
  encoding: string | null;
  stored: StoredBytes;
  mayBePacked: boolean;
}): Promise<OpenInput> {
  const { path, stored } = options;
  try {
    const wanted = options.encoding === null ? null : encodingName(path, options.encoding);
    const outer = await peek(stored.read, HEAD_BYTES);
    const packed = looksGzipped(outer.head);
    if (packed && !options.mayBePacked)
      throw new UserError(`${path}: is packed with gzip inside the archive; unpack it and import the result`);
    let unpacked = 0;
    const count = (bytes: number) => {
      unpacked += bytes;
    };
    const inner = packed ? await peek(gunzipped(outer.read, path, count), HEAD_BYTES) : outer;
    if (packed && looksGzipped(inner.head)) throw new UserError(`${path}: gzip inside gzip; unpack it once and import the result`);
    refuseForeign(path, inner.head, wanted);
    const { encoding, bomBytes } = chooseEncoding(path, inner.head, wanted);
    if (inner.complete && isBlank(inner.head.subarray(bomBytes))) throw emptyInput(path);
    // Of packed bytes those that were unpacked: a chunk of them can hold ten of text.
    const bytesRead = packed ? () => unpacked : stored.bytesRead;
    return assemble({ path, encoding, stored: { ...stored, bytesRead }, read: skipping(inner.read, bomBytes) });
  } catch (error) {
    await stored.close();
    // Nothing was sent yet: what would stop a run is here a reason not to start.
    throw error instanceof StoppedError ? new UserError(error.message, { cause: error }) : error;
  }
}

export function emptyInput(path: string): UserError {
  return new UserError(`${path}: the file is empty; expected a header line that names the columns, and the notes below it`);
}

type Read = () => Promise<Buffer | null>;

function assemble(parts: { path: string; encoding: string; stored: StoredBytes; read: Read }): OpenInput {
  const { path, encoding, stored, read } = parts;
  const own = { path, encoding, totalBytes: stored.totalBytes, bytesRead: stored.bytesRead, sha256: stored.sha256, close: stored.close };
  if (encoding === 'utf-8') return { ...own, read, original: () => null, forget: () => undefined };
  const decoded = transcoder(encoding);
  let ended = false;
  return {
    ...own,
    read: async () => {
      for (;;) {
        if (ended) return null;
        const chunk = await read();
        ended = chunk === null;
        const text = chunk === null ? decoded.end() : decoded.push(chunk);
        if (text.length > 0) return text;
      }
    },
    original: decoded.original,
    forget: decoded.forget,
  };
}

/** Looks at the first bytes; `read` gives them again. An error behind them is thrown when reading gets there. */
async function peek(read: Read, bytes: number): Promise<{ head: Buffer; complete: boolean; read: Read }> {
  const chunks: Buffer[] = [];
  let length = 0;
  let failure: unknown = null;
  let complete = false;
  while (length < bytes && !complete) {
    try {
      const chunk = await read();
      if (chunk === null) complete = true;
      else {
        chunks.push(chunk);
        length += chunk.length;
      }
    } catch (error) {
      if (length === 0) throw error;
      failure = error;
      break;
    }
  }
  const head = Buffer.concat(chunks);
  return {
    head,
    complete,
    read: async () => {
      const chunk = chunks.shift();
      if (chunk !== undefined) return chunk;
      if (failure !== null) throw failure;
      return complete ? null : read();
    },
  };
}

function skipping(read: Read, bytes: number): Read {
  let left = bytes;
  return async () => {
    for (;;) {
      const chunk = await read();
      if (chunk === null || left === 0) return chunk;
      const rest = chunk.subarray(left);
      left -= chunk.length - rest.length;
      if (rest.length > 0) return rest;
    }
  };
}
