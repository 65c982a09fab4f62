import { isUtf8 } from 'node:buffer';
import { UserError } from '../errors.js';

/** What a file is, told by its first bytes. */
export function looksGzipped(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08;
}

/** The local header of a first file, or the end of a directory without one. */
export function looksZipped(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6));
}

export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09 || byte === 0);
}

/** @throws UserError if the file is a spreadsheet, a PDF, packed by something else than gzip, or some other binary */
export function refuseForeign(path: string, head: Buffer, encoding: string | null): void {
  const latin = head.toString('latin1', 0, 64);
  for (const { begins, what } of FOREIGN) {
    if (latin.startsWith(begins)) throw new UserError(`${path}: ${what}`);
  }
  if (encoding?.startsWith('utf-16') || BOMS.some(({ bytes }) => latin.startsWith(bytes))) return;
  const lineEnd = head.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const header = lineEnd < 0 ? head : head.subarray(0, lineEnd);
  if (header.includes(0)) {
    const wide = utf16Without(header);
    if (wide !== null) {
      throw new UserError(`${path}: looks like UTF-16 without a byte order mark; say so with --encoding ${wide}`);
    }
    throw new UserError(`${path}: ${BINARY}`);
  }
  // A control character in a note is that row's business; a file full of them that isn't UTF-8 either is no text.
  const controls = head.reduce((sum, byte) => sum + (byte < 9 || (byte > 13 && byte < 32 && byte !== 27) ? 1 : 0), 0);
  if (controls > head.length / 20 && !isUtf8(head.subarray(0, wholeCharacters(head)))) throw new UserError(`${path}: ${BINARY}`);
}

const EXPORT = 'open it in the spreadsheet program, save it as "CSV UTF-8", and import that file';
const ZIP =
  'A zip archive of CSV files is read as a file of its own: not from standard input, since its directory stands at its end, and not packed once more';
const BINARY = 'is not a text file; expected CSV, gzipped or not';
const FOREIGN: readonly { readonly begins: string; readonly what: string }[] = [
  { begins: 'PK\x03\x04', what: `is a spreadsheet (xlsx, ods) or another zip archive where only CSV can be read; ${EXPORT}. ${ZIP}` },
  { begins: 'PK\x05\x06', what: `is an empty zip archive where only CSV can be read. ${ZIP}` },
  { begins: 'PK\x07\x08', what: 'is a zip archive in parts, not CSV; unpack it and import the CSV files in it' },
  { begins: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', what: `is an old Office file (xls), not CSV; ${EXPORT}` },
  { begins: '%PDF-', what: 'is a PDF, not CSV; export the notes from the CRM as CSV' },
  { begins: 'BZh91AY&SY', what: 'is packed with bzip2; unpack it (bunzip2), or pack it with gzip' },
  { begins: '\xfd7zXZ\x00', what: 'is packed with xz; unpack it (unxz), or pack it with gzip' },
  { begins: '\x28\xb5\x2f\xfd', what: 'is packed with zstd; unpack it (unzstd), or pack it with gzip' },
  { begins: '7z\xbc\xaf\x27\x1c', what: 'is a 7z archive; unpack it and import the CSV files in it' },
  { begins: '\xff\xfe\x00\x00', what: "is UTF-32, which can't be read; save it as UTF-8" },
  { begins: '\x00\x00\xfe\xff', what: "is UTF-32, which can't be read; save it as UTF-8" },
];

const BOMS = [
  { encoding: 'utf-8', bytes: '\xef\xbb\xbf' },
  { encoding: 'utf-16le', bytes: '\xff\xfe' },
  { encoding: 'utf-16be', bytes: '\xfe\xff' },
] as const;

/** ASCII in UTF-16 has a zero in every other byte. */
function utf16Without(header: Buffer): string | null {
  const units = header.length >> 1;
  const zeros = [0, 0];
  for (let i = 0; i < units * 2; i++) if (header[i] === 0) zeros[i & 1]!++;
  if (zeros[1]! > units / 2 && zeros[0]! === 0) return 'utf-16le';
  if (zeros[0]! > units / 2 && zeros[1]! === 0) return 'utf-16be';
  return null;
}

/** Length without a character that the end of the head cuts in two. */
function wholeCharacters(head: Buffer): number {
  let end = head.length;
  while (end > 0 && head.length - end < 3 && (head[end - 1]! & 0xc0) === 0x80) end--;
  return end > 0 && head[end - 1]! >= 0xc0 ? end - 1 : head.length;
}

/**
 * @param wanted the name that the user chose; null: the byte order mark decides, else UTF-8
 * @throws UserError if the byte order mark says otherwise: read in the wrong encoding, every note would be garbled
 */
export function chooseEncoding(path: string, head: Buffer, wanted: string | null): { encoding: string; bomBytes: number } {
  const latin = head.toString('latin1', 0, 3);
  const bom = BOMS.find(({ bytes }) => latin.startsWith(bytes));
  if (bom === undefined) return { encoding: wanted ?? 'utf-8', bomBytes: 0 };
  if (wanted !== null && wanted !== bom.encoding) {
    throw new UserError(`${path}: begins with the byte order mark of ${bom.encoding}, but --encoding says ${wanted}; leave --encoding out`);
  }
  return { encoding: bom.encoding, bomBytes: bom.bytes.length };
}

/** The WHATWG name of an encoding's label (https://encoding.spec.whatwg.org/#names-and-labels). */
export function encodingName(path: string, label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (error) {
    throw new UserError(`${path}: the encoding ${JSON.stringify(label)} is not known; expected one such as utf-8, utf-16le, windows-1252`, {
      cause: error,
    });
  }
}
