import { UserError } from '../errors.js';
import { shorten } from '../shorten.js';

/** What a zip archive's directory says of a file in it. */
export interface ZipEntry {
  readonly name: string;
  /** Of its local header, in the archive. */
  readonly offset: number;
  readonly packedBytes: number;
  readonly plainBytes: number;
  /** APPNOTE.TXT 4.4.5. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
}

interface PartList {
  add(entry: ZipEntry): void;
  /** @throws UserError where there is nothing to import, or the archive can't be trusted */
  finish(): {
    /** In natural order. */
    readonly parts: readonly { readonly label: string; readonly entry: ZipEntry }[];
    readonly leftOut: { readonly count: number; readonly names: readonly string[] };
  };
}

/** An export in 1,000,000 rows a part has tens of them. The headers of all are looked at before the first row is sent. */
const MOST_PARTS = 10_000;
/** All parts together, unpacked. */
const MOST_PLAIN_BYTES = 256 * 2 ** 30;
const NAMES_TOLD = 5;

/** Chooses the files of a zip archive that are CSV: `.csv`, `.txt`, `.tsv`. */
export function createPartList(path: string, archiveBytes: number): PartList {
  const entries: ZipEntry[] = [];
  const names: string[] = [];
  let others = 0;
  let plainBytes = 0;

  return {
    add(entry) {
      const name = showName(entry.name);
      const kind = kindOf(entry.name);
      if (kind === 'ignored') return;
      if (kind === 'office') throw new UserError(`${path}: is a spreadsheet or another office document, not CSV; ${EXPORT}`);
      if (kind === 'packed')
        throw new UserError(`${path}: holds ${name}, which is packed once more; unpack the archive, and import what is in it`);
      if (kind === 'other') {
        others++;
        if (names.length < NAMES_TOLD) names.push(name);
        return;
      }
      refuseUnreadable(path, name, entry);
      entries.push(entry);
      plainBytes += entry.plainBytes;
      if (entries.length > MOST_PARTS)
        throw new UserError(
          `${path}: holds more than ${MOST_PARTS} CSV files; expected at most that; unpack it, and import them in several commands`,
        );
      if (plainBytes > MOST_PLAIN_BYTES)
        throw new UserError(`${path}: says that it holds more than 256 GiB of CSV; unpack it, and import the files in several commands`);
    },
    finish() {
      const leftOut = { count: others, names };
      if (entries.length === 0) {
        const found =
          others === 0 ? 'it is empty' : `it has ${names.join(', ')}${others > names.length ? ` and ${others - names.length} more` : ''}`;
        throw new UserError(`${path}: there is no CSV file in the zip archive (.csv, .txt or .tsv): ${found}; export the notes as CSV`);
      }
      refuseOverlaps(path, entries, archiveBytes);
      // Made here: it takes 10 ms, and most imports have no archive.
      const natural = new Intl.Collator('en', { numeric: true });
      const sorted = entries.sort(
        (a, b) => natural.compare(a.name, b.name) || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.offset - b.offset),
      );
      const taken = new Map<string, number>();
      return { parts: sorted.map((entry) => ({ label: `${path}/${unique(showName(entry.name), taken)}`, entry })), leftOut };
    },
  };
}

const EXPORT = 'open it in the spreadsheet program, save it as "CSV UTF-8", and import that file';

function kindOf(name: string): 'csv' | 'ignored' | 'office' | 'packed' | 'other' {
  const steps = name.split(/[/\\]/);
  const base = steps.at(-1)!.toLowerCase();
  // Folders, and what macOS and Windows put beside the files.
  if (base === '' || steps[0] === '__MACOSX' || base.startsWith('._') || base === '.ds_store' || base === 'thumbs.db') return 'ignored';
  if (name === '[Content_Types].xml' || name === 'mimetype') return 'office';
  if (/\.(csv|txt|tsv)$/.test(base)) return 'csv';
  return /\.(zip|gz|tgz|7z|rar|tar|bz2|xz|zst)$/.test(base) ? 'packed' : 'other';
}

function refuseUnreadable(path: string, name: string, { isEncrypted, method }: ZipEntry): void {
  if (isEncrypted) {
    throw new UserError(
      `${path}: ${name} is encrypted, which can't be read here; unpack the archive with its password, and import the CSV files in it`,
    );
  }
  if (method === 0 || method === 8) return;
  const how = METHODS.get(method);
  throw new UserError(
    `${path}: ${name} is packed by ${how === undefined ? `method ${method}` : `${how} (method ${method})`}; expected deflate, or not packed at all; unpack the archive, and import the CSV files in it`,
  );
}

const METHODS: ReadonlyMap<number, string> = new Map([
  [9, 'deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'zstd'],
  [95, 'xz'],
  [98, 'PPMd'],
  [99, 'AES encryption'],
]);

const LOCAL_HEADER_BYTES = 30;

/** Files that share their bytes make terabytes of a small archive. */
function refuseOverlaps(path: string, entries: readonly ZipEntry[], archiveBytes: number): void {
  const byOffset = entries.toSorted((a, b) => a.offset - b.offset);
  for (const [i, { offset, packedBytes }] of byOffset.entries()) {
    if (offset + LOCAL_HEADER_BYTES + packedBytes > (byOffset[i + 1]?.offset ?? archiveBytes)) {
      throw new UserError(
        `${path}: the zip archive is damaged, or made to do harm: files in it overlap, or reach beyond its end; get it again`,
      );
    }
  }
}

/** Shown, never followed: no folders above, no control, bidi or invisible characters. */
function showName(name: string): string {
  const steps = name
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu, '_')
    .split(/[/\\]/)
    .filter((step) => step !== '' && step !== '.' && step !== '..');
  return shorten(steps.join('/'), 160);
}

function unique(name: string, taken: Map<string, number>): string {
  const count = (taken.get(name) ?? 0) + 1;
  taken.set(name, count);
  return count === 1 ? name : unique(`${name} (${count})`, taken);
}
