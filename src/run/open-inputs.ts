import type { Readable } from 'node:stream';
import { StoppedError, UserError } from '../errors.js';
import { type Archive, openArchive } from '../read/archive.js';
import { type OpenInput, openInput, openPart } from '../read/open.js';

/** A file of the command line, or a part of one. */
export interface InputFile extends Pick<OpenInput, 'path' | 'totalBytes' | 'sha256' | 'bytesRead'> {
  /** The archive that this is a part of, as given on the command line, and its size; null: a file of its own. */
  readonly archive: { readonly path: string; readonly bytes: number } | null;
  /**
   * Lets `use` read it from its beginning. A part of an archive is closed afterwards, and may be read again; anything else stays open,
   * and is read once.
   */
  lookInto<T>(use: (input: OpenInput) => Promise<T>): Promise<T>;
  /** A part of an archive, from its beginning; null: it has none, `lookInto` has left it open. */
  readonly reopen: (() => Promise<OpenInput>) | null;
  close(): Promise<void>;
}

export interface OpenedInputs {
  readonly files: readonly InputFile[];
  /** For a person, of what was left out. */
  readonly warnings: readonly string[];
}

/**
 * Opens what one word of the command line names: a file, standard input, or each part of a zip archive.
 * @throws UserError where it can't be read
 */
export async function openInputs(options: { path: string; encoding: string | null; stdin?: Readable }): Promise<OpenedInputs> {
  const { path, encoding } = options;
  const archive = path === '-' ? null : await openArchive(path);
  if (archive === null) return { files: [plainFile(await openInput(options))], warnings: [] };
  const { count, names } = archive.leftOut;
  const more = count > names.length ? ` and ${count - names.length} more` : '';
  return {
    files: archive.parts.map((part) => partOf({ archive, part, path, encoding })),
    warnings: count === 0 ? [] : [`${path}: left out, since only .csv, .txt and .tsv are read: ${names.join(', ')}${more}`],
  };
}

function plainFile(input: OpenInput): InputFile {
  return { ...input, archive: null, lookInto: (use) => use(input), reopen: null };
}

function partOf(options: {
  readonly archive: Archive;
  readonly part: Archive['parts'][number];
  readonly path: string;
  readonly encoding: string | null;
}): InputFile {
  const { archive, part, path, encoding } = options;
  let current: OpenInput | null = null;
  const open = async (): Promise<OpenInput> => {
    current = await openPart({ path: part.path, encoding, stored: part.open() });
    return current;
  };
  return {
    path: part.path,
    totalBytes: part.totalBytes,
    archive: { path, bytes: archive.totalBytes },
    bytesRead: () => current?.bytesRead() ?? 0,
    sha256: () => current?.sha256() ?? null,
    // Thousands of parts must not all be under way at once.
    lookInto: async (use) => {
      const input = await open();
      try {
        return await use(input);
      } finally {
        await input.close();
      }
    },
    reopen: async () => {
      try {
        return await open();
      } catch (error) {
        // It could be read when its header was: what keeps a command from starting is in its middle a stop.
        throw error instanceof UserError ? new StoppedError('input_changed', error.message, false, { cause: error }) : error;
      }
    },
    close: archive.close,
  };
}
