import { constants, createGunzip, createInflateRaw, type Gunzip, type InflateRaw } from 'node:zlib';
import { StoppedError } from '../errors.js';

/** DEFLATE's own limit is about 1032:1; notes reach 5:1 to 30:1. Below the floor the ratio says nothing. */
const MOST_EXPANSION = 1000;
const EXPANSION_FLOOR_BYTES = 8 * 1024 * 1024;
/** Written piece by piece, so that what one write can expand to stays small. */
const PIECE_BYTES = 8 * 1024;

type Read = () => Promise<Buffer | null>;

/**
 * Unpacks gzip (RFC 1952, several members too). What could be unpacked is given before an error is thrown; of damaged data (not: data that ends too early) the last piece before the damage may be lost.
 * @param taken is told how many of the packed bytes were unpacked, piece by piece
 * @throws StoppedError where the data ends too early, is damaged, or expands beyond what text can
 */
export function gunzipped(read: Read, path: string, taken: (bytes: number) => void = () => {}): Read {
  return unpacked({ read, path, taken, inflate: createGunzip(SETTINGS), what: 'gzip' });
}

/** The same for bare DEFLATE data (RFC 1951), as a zip archive has it. */
export function inflatedRaw(read: Read, path: string, taken: (bytes: number) => void): Read {
  return unpacked({ read, path, taken, inflate: createInflateRaw(SETTINGS), what: 'zip' });
}

const SETTINGS = { chunkSize: 64 * 1024, flush: constants.Z_SYNC_FLUSH };

function unpacked(packing: {
  readonly read: Read;
  readonly path: string;
  readonly taken: (bytes: number) => void;
  readonly inflate: Gunzip | InflateRaw;
  readonly what: string;
}): Read {
  const { read, path, taken, inflate, what } = packing;
  const plain: Buffer[] = [];
  let packed: Buffer = Buffer.alloc(0);
  let packedBytes = 0;
  let plainBytes = 0;
  let failure: StoppedError | null = null;
  let ended = false;
  let wake = (): void => undefined;

  inflate.on('data', (chunk: Buffer) => {
    plain.push(chunk);
    plainBytes += chunk.length;
    if (plainBytes > EXPANSION_FLOOR_BYTES && plainBytes > packedBytes * MOST_EXPANSION) {
      failure ??= stopped(path, `expands to more than ${MOST_EXPANSION} times its size, which notes never do; refused`);
      inflate.destroy();
    }
  });
  inflate.on('error', (error: NodeJS.ErrnoException) => {
    const damage = error.code === 'Z_BUF_ERROR' ? `the ${what} data ends too early` : `the ${what} data is damaged (${error.message})`;
    failure ??= stopped(path, `${damage}; get the whole file and run the same command again`, error);
    wake();
  });
  inflate.on('end', () => {
    ended = true;
    wake();
  });
  inflate.on('close', () => wake());

  return async () => {
    for (;;) {
      const chunk = plain.shift();
      if (chunk !== undefined) return chunk;
      if (failure !== null) throw failure;
      if (ended) return finish();
      if (packed.length === 0) packed = (await read()) ?? packed;
      const piece = packed.subarray(0, PIECE_BYTES);
      packed = packed.subarray(piece.length);
      packedBytes += piece.length;
      taken(piece.length);
      await new Promise<void>((resolve) => {
        // Neither callback is certain to be called on an error or at the end of the data: the events wake us too.
        wake = resolve;
        if (piece.length > 0) inflate.write(piece, () => resolve());
        else inflate.end();
      });
    }
  };

  /** Reads on to the end of the stored bytes: they are hashed, checked for changes, and must hold nothing more. */
  async function finish(): Promise<null> {
    let rest: Buffer | null = packed;
    let surplus = false;
    while (rest !== null) {
      // Padding with zeros is usual on tapes and in archives. Anything else zlib takes for a member, and calls damaged where it has seen it.
      surplus ||= rest.some((byte) => byte !== 0);
      taken(rest.length);
      rest = await read();
    }
    packed = Buffer.alloc(0);
    if (surplus) throw stopped(path, `something that is not ${what} follows the ${what} data`);
    return null;
  }
}

function stopped(path: string, what: string, cause?: Error): StoppedError {
  return new StoppedError('input_changed', `${path}: ${what}`, false, { cause });
}
