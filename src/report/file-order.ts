import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SourceRow } from '../model.js';
import { reportFile } from './report-file.js';
import { openReportFile } from './run-folder.js';

/**
 * Where each row of a failures file stands, to bring the file into the order of its inputs at the end. Rows fail out of order: one that
 * can't be read overtakes earlier ones that are under way, and notes of a contact must be created in their order when they are imported again.
 */
export interface FileOrder {
  /** The header, before the first row. */
  header(bytes: number): void;
  /** @param block what `csvRows` made of these rows, as it is appended to the file */
  rows(block: Uint8Array, sources: readonly Pick<SourceRow, 'input' | 'row'>[]): void;
  /** Brings the closed file into order. Never rejects: where that can't be done the file stays as it is, which is complete. */
  restore(path: string): Promise<void>;
}

/** @param mostRows after more rows than this their places aren't kept (20 bytes a row), and the file stays as it is */
export function createFileOrder(mostRows = 5_000_000): FileOrder {
  let places = newPlaces(Math.min(1024, mostRows));
  let count = 0;
  let headerBytes = 0;
  let end = 0;
  let isKnown = true;
  let isInOrder = true;

  function forget(): void {
    isKnown = false;
    places = newPlaces(0);
  }

  function add({ input, row }: Pick<SourceRow, 'input' | 'row'>, bytes: number): void {
    if (count === places.rows.length) places = grown(places, Math.min(count * 2, mostRows));
    places.inputs[count] = input.index;
    places.rows[count] = row;
    places.offsets[count] = end;
    places.lengths[count] = bytes;
    if (count > 0 && compare(places, count - 1, count) > 0) isInOrder = false;
    count++;
    end += bytes;
  }

  return {
    header(bytes) {
      headerBytes = bytes;
      end = bytes;
    },
    rows(block, sources) {
      if (!isKnown) return;
      if (count + sources.length > mostRows) return forget();
      const ends = rowEnds(block);
      // Never so; but a file out of order is better than one cut in the wrong places.
      if (ends.length !== sources.length || ends.at(-1) !== block.length) return forget();
      sources.forEach((source, i) => {
        add(source, (ends[i] ?? 0) - (ends[i - 1] ?? 0));
      });
    },
    async restore(path) {
      if (!isKnown || isInOrder) return;
      try {
        await rewrite(path, { places, order: sorted(places, count), headerBytes, end });
      } catch {
        // The disk may be full. All rows are there, in the order in which they failed.
      }
      forget();
    },
  };
}

/** Of each row: its input, its number there, and its bytes in the file. No objects: there may be millions. */
interface Places {
  readonly inputs: Uint32Array;
  readonly rows: Uint32Array;
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
}

function newPlaces(size: number): Places {
  return {
    inputs: new Uint32Array(size),
    rows: new Uint32Array(size),
    offsets: new Float64Array(size),
    lengths: new Uint32Array(size),
  };
}

function grown(places: Places, size: number): Places {
  const larger = newPlaces(size);
  larger.inputs.set(places.inputs);
  larger.rows.set(places.rows);
  larger.offsets.set(places.offsets);
  larger.lengths.set(places.lengths);
  return larger;
}

function compare({ inputs, rows }: Places, a: number, b: number): number {
  return (inputs[a] ?? 0) - (inputs[b] ?? 0) || (rows[a] ?? 0) - (rows[b] ?? 0);
}

function sorted(places: Places, count: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order.sort((a, b) => compare(places, a, b) || a - b);
}

/**
 * Where each row of `csvRows` ends, its line end included. A line feed within a cell stands between quotes, and a quote within a cell is
 * doubled: outside cells their number is even. No other character of UTF-8 has these bytes.
 */
function rowEnds(block: Uint8Array): number[] {
  const ends: number[] = [];
  let isQuoted = false;
  for (let i = 0; i < block.length; i++) {
    const byte = block[i];
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === LINE_FEED && !isQuoted) ends.push(i + 1);
  }
  return ends;
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;

interface Rewriting {
  readonly places: Places;
  readonly order: Uint32Array;
  readonly headerBytes: number;
  /** Bytes of the whole file. */
  readonly end: number;
}

/** Into a new file, which takes the other's place when it is complete. */
async function rewrite(path: string, { places, order, headerBytes, end }: Rewriting): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}-${process.pid}.tmp`);
  const source = await open(path, 'r');
  try {
    const { size } = await source.stat();
    if (size !== end) throw new Error(`${path} has ${size} bytes; expected ${end}`);
    const file = reportFile(temporary, await openReportFile(temporary));
    try {
      const readBlock = createBlockReader((block, position) => source.read(block, 0, block.length, position));
      const copy = async (offset: number, bytes: number): Promise<void> => {
        for (let at = offset; at < offset + bytes; ) {
          const number = Math.floor(at / BLOCK);
          const cached = readBlock(number);
          const block = cached instanceof Promise ? await cached : cached;
          const part = block.subarray(at - number * BLOCK, Math.min(BLOCK, offset + bytes - number * BLOCK));
          if (part.length === 0) throw new Error(`${path} ends at byte ${at}; expected ${end} bytes`);
          file.append(part);
          at += part.length;
        }
        await file.ready();
      };
      await copy(0, headerBytes);
      for (const i of order) await copy(places.offsets[i] ?? 0, places.lengths[i] ?? 0);
      await file.close();
      await source.close(); // some systems don't replace an open file
      await rename(temporary, path);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
  } finally {
    await source.close();
  }
}

const BLOCK = 64 * 1024;
const MOST_BLOCKS = 64;

/** Keeps the blocks that were used last: rows of a few speeds run beside each other through the file, and each block is read about once. */
function createBlockReader(
  read: (block: Uint8Array, position: number) => Promise<{ readonly bytesRead: number }>,
): (number: number) => Uint8Array | Promise<Uint8Array> {
  const blocks = new Map<number, Uint8Array>();

  async function load(number: number): Promise<Uint8Array> {
    const block = Buffer.allocUnsafe(BLOCK);
    let filled = 0;
    while (filled < BLOCK) {
      const { bytesRead } = await read(block.subarray(filled), number * BLOCK + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const loaded = block.subarray(0, filled);
    blocks.set(number, loaded);
    const [oldest] = blocks.keys();
    if (blocks.size > MOST_BLOCKS && oldest !== undefined) blocks.delete(oldest);
    return loaded;
  }

  return (number) => {
    const known = blocks.get(number);
    if (known === undefined) return load(number);
    blocks.delete(number);
    blocks.set(number, known);
    return known;
  };
}
