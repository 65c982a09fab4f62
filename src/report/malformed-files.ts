import { join } from 'node:path';
import type { MalformedRecord, SourceInput } from '../model.js';
import type { ReportFile } from './report-file.js';

/** The records that can't be read, byte for byte, under the header they stood under: mended there, they can be imported. */
interface MalformedFiles {
  /** Those made so far; `malformed.csv` is the first. */
  readonly files: readonly ReportFile[];
  inputOpened(input: SourceInput, rawHeader: Uint8Array): void;
  append(record: MalformedRecord): Promise<void>;
}

/** Inputs that differ in header line, delimiter or encoding can't share a file: the next ones' is `malformed-2.csv`. */
export function openMalformedFiles(place: {
  readonly folder: string;
  readonly openFile: (path: string) => Promise<ReportFile>;
}): MalformedFiles {
  const files: ReportFile[] = [];
  const fileOfHeader = new Map<string, ReportFile>();
  const headers = new Map<number, Uint8Array>();

  return {
    files,
    inputOpened(input, rawHeader) {
      headers.set(input.index, withLineEnd(rawHeader, input.encoding));
    },
    async append({ input, raw }) {
      const header = headers.get(input.index);
      if (header === undefined) throw new Error(`a record of ${input.path} was reported before that input was opened`);
      const key = JSON.stringify([input.encoding, input.delimiter, Buffer.from(header).toString('latin1').trimEnd()]);
      let file = fileOfHeader.get(key);
      if (file === undefined) {
        file = await place.openFile(join(place.folder, files.length === 0 ? 'malformed.csv' : `malformed-${files.length + 1}.csv`));
        file.append(header);
        fileOfHeader.set(key, file);
        files.push(file);
      }
      file.append(withLineEnd(raw, input.encoding));
    },
  };
}

/** The last record of a file may lack its line end; the next one must not continue its line. */
function withLineEnd(line: Uint8Array, encoding: string): Uint8Array {
  const isBigEndian = encoding.toLowerCase() === 'utf-16be';
  const isWide = isBigEndian || encoding.toLowerCase() === 'utf-16le';
  const last = line[line.length - (isWide && !isBigEndian ? 2 : 1)];
  const other = isWide ? line[line.length - (isBigEndian ? 2 : 1)] : 0;
  if ((last === 0x0a || last === 0x0d) && other === 0) return line;
  return Buffer.concat([line, Buffer.from(isBigEndian ? [0, 0x0a] : isWide ? [0x0a, 0] : [0x0a])]);
}
