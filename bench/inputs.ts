import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BenchNote, benchNotes, CSV_HEADER, csvLine } from './notes.js';

/** Changes with the notes, so that no older file is taken for a new one. */
const GENERATION = 1;
const BLOCK_CHARACTERS = 1 << 20;

/** A CSV file of so many notes, made once and kept in the folder. */
export async function csvOf(folder: string, rows: number): Promise<string> {
  const path = join(folder, `notes-${rows}.${GENERATION}.csv`);
  if (!existsSync(path)) {
    await writeCsv(`${path}.part`, { rows, seed: 1 });
    renameSync(`${path}.part`, path);
  }
  return path;
}

export function writeCsv(path: string, { rows, seed }: { readonly rows: number; readonly seed: number }): Promise<void> {
  return write(path, { rows, seed, head: CSV_HEADER, partOf: csvLine });
}

/** `curl --config`: one transfer for each note. */
export function writeCurlConfig(path: string, { rows, url }: { readonly rows: number; readonly url: string }): Promise<void> {
  const partOf = (note: BenchNote, index: number) =>
    `${index === 0 ? '' : 'next\n'}url = "${addressOf(url, note)}"\nrequest = "POST"\nheader = "authorization: key"\n` +
    'header = "content-type: application/json"\noutput = "/dev/null"\n' +
    `data-raw = "${bodyOf(note).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`;
  return write(path, { rows, seed: 1, head: '', partOf });
}

/** For `xargs -0 -n 3`: an option, the body and the address of each note. */
export function writeXargsList(path: string, { rows, url }: { readonly rows: number; readonly url: string }): Promise<void> {
  return write(path, { rows, seed: 1, head: '', partOf: (note) => `--data-raw\0${bodyOf(note)}\0${addressOf(url, note)}\0` });
}

export function addressOf(url: string, { contactId }: BenchNote): string {
  return `${url}/contacts/${encodeURIComponent(contactId)}/memories`;
}

export function bodyOf({ name, text }: BenchNote): string {
  return JSON.stringify({ name, text });
}

interface Input {
  readonly rows: number;
  readonly seed: number;
  readonly head: string;
  readonly partOf: (note: BenchNote, index: number) => string;
}

async function write(path: string, input: Input): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await pipeline(Readable.from(blocks(input)), createWriteStream(path));
}

function* blocks({ rows, seed, head, partOf }: Input): Generator<string> {
  let block = head;
  let index = 0;
  for (const note of benchNotes(rows, seed)) {
    block += partOf(note, index++);
    if (block.length < BLOCK_CHARACTERS) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}
