import { Readable } from 'node:stream';
import type { FailureClass, SourceRow } from '../../../src/model.js';
import { type CsvSource, readCsv } from '../../../src/read/csv.js';
import { type OpenInput, openInput } from '../../../src/read/open.js';

interface ReadOptions {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly only?: readonly FailureClass[];
  readonly maxRecordBytes?: number;
  /** Bytes of each chunk that standard input gives; default: all at once. */
  readonly chunkBytes?: number;
  readonly accepts?: (header: readonly string[]) => boolean;
}

interface AllRead {
  readonly csv: CsvSource;
  readonly input: OpenInput;
  readonly rows: readonly SourceRow[];
  /** How many rows each batch had. */
  readonly batches: readonly number[];
  /** What the iteration threw after the rows, if it did. */
  readonly error: unknown;
}

/** Reads CSV bytes as standard input. */
export async function readAll(content: string | Uint8Array, options: ReadOptions = {}): Promise<AllRead> {
  const bytes = Buffer.from(content as string); // Buffer.from takes both, its overloads don't say so at once
  const size = options.chunkBytes ?? Math.max(1, bytes.length);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  const stdin = Readable.from(chunks, { objectMode: false });
  return drain(await openInput({ path: '-', encoding: options.encoding ?? null, stdin }), options);
}

export async function readFileRows(path: string, options: ReadOptions = {}): Promise<AllRead> {
  return drain(await openInput({ path, encoding: options.encoding ?? null }), options);
}

async function drain(input: OpenInput, options: ReadOptions): Promise<AllRead> {
  try {
    const csv = await readCsv({
      input,
      index: 0,
      delimiter: options.delimiter ?? null,
      accepts: options.accepts ?? needsContactId,
      only: options.only ?? null,
      ...(options.maxRecordBytes === undefined ? {} : { maxRecordBytes: options.maxRecordBytes }),
    });
    const rows: SourceRow[] = [];
    const batches: number[] = [];
    let error: unknown = null;
    try {
      for await (const batch of csv.rows()) {
        rows.push(...batch);
        batches.push(batch.length);
      }
    } catch (thrown) {
      error = thrown;
    }
    return { csv, input, rows, batches, error };
  } finally {
    await input.close();
  }
}

export function needsContactId(header: readonly string[]): boolean {
  return header.includes('contactId') && header.length > 1;
}

/** A row as short as a test can compare it: `[row, line, cells]`, or `[row, line, 'malformed', raw as Latin-1]`. */
export function brief(rows: readonly SourceRow[]): readonly unknown[] {
  return rows.map((row) =>
    row.kind === 'record' ? [row.row, row.line, row.cells] : [row.row, row.line, 'malformed', Buffer.from(row.raw).toString('latin1')],
  );
}

export function messages(rows: readonly SourceRow[]): readonly string[] {
  return rows.flatMap((row) => (row.kind === 'malformed' ? [row.message] : []));
}
