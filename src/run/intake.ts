import type { Readable } from 'node:stream';
import { UserError } from '../errors.js';
import { createContactsOf } from '../map/contacts-of.js';
import { createRowFilter, type RowPredicate } from '../map/filter.js';
import { createMapper, type Mapped } from '../map/mapper.js';
import { type HeaderReading, headerError, isHeader, type ProfileChoice, readHeader } from '../map/read-header.js';
import type { SourceRecord, SourceRow } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { type CsvSource, readCsv } from '../read/csv.js';
import { type OpenInput, openInput } from '../read/open.js';
import { createFooterTest } from './footer.js';
import { type Contacts, loadContacts } from './load-contacts.js';

/** Every input of a command, its header read and its columns understood: nothing is sent before all of them are. */
export interface Intake {
  readonly inputs: readonly IntakeInput[];
  /** Stored bytes of all inputs; null where one's size can't be known. */
  readonly totalBytes: number | null;
  /** Stored bytes read of the inputs up to this position, from 0; of the later ones only the headers were looked at. */
  bytesRead(upTo: number): number;
  /** `--contacts`; null: the inputs have the ids of Callers. */
  readonly contacts: Contacts | null;
  close(): Promise<void>;
}

export interface IntakeInput {
  readonly csv: CsvSource;
  readonly map: (record: SourceRecord) => readonly Mapped[];
  readonly reading: HeaderReading;
  /** True for lines below the data that are no notes. */
  readonly isFooter: (row: SourceRow) => boolean;
  readonly file: Pick<OpenInput, 'path' | 'totalBytes' | 'sha256'>;
  /** Rows so far that `--since` couldn't tell anything of: they were taken. */
  readonly undated: () => number;
}

export type IntakeOptions = Pick<
  ResolvedOptions,
  | 'inputs'
  | 'encoding'
  | 'delimiter'
  | 'map'
  | 'set'
  | 'idColumn'
  | 'subOrg'
  | 'only'
  | 'html'
  | 'tooLong'
  | 'filter'
  | 'since'
  | 'contactSeparator'
  | 'contacts'
> & {
  /** For all inputs, or for each. */
  readonly profile: ProfileChoice | readonly ProfileChoice[];
};

/**
 * @param given.contacts those of `options.contacts`, where they were read before
 * @throws UserError where an input can't be read, its columns don't say what each note is, or the list of contacts can't be used
 */
export async function openIntake(
  options: IntakeOptions,
  given: { readonly stdin?: Readable | undefined; readonly contacts?: Contacts | null } = {},
): Promise<Intake> {
  const { stdin } = given;
  if (options.inputs.filter((path) => path === '-').length > 1) {
    throw new UserError("Standard input ('-') was named more than once; it can be read only once.");
  }
  const files: OpenInput[] = [];
  const close = async () => {
    for (const file of files) await file.close();
  };
  try {
    // The inputs first: what is wrong with them is said at once, and a list may be long.
    const opened: OpenedInput[] = [];
    for (const [index, path] of options.inputs.entries()) {
      const file = await openInput({ path, encoding: options.encoding, ...(stdin === undefined ? {} : { stdin }) });
      files.push(file);
      opened.push(await openOne(file, index, options));
    }
    const sizes = files.map((file) => file.totalBytes);
    const contacts = given.contacts ?? (options.contacts === null ? null : await loadContacts(options.contacts));
    const inputs: IntakeInput[] = [];
    for (const input of opened) inputs.push({ ...input, map: await mapperOf(input, options, contacts) });
    return {
      inputs,
      contacts,
      totalBytes: sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      bytesRead: (upTo) => files.slice(0, upTo + 1).reduce((sum, file) => sum + file.bytesRead(), 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openOne(file: OpenInput, index: number, options: IntakeOptions): Promise<OpenedInput> {
  const { map, set, idColumn, contactSeparator, filter, since, html, profile } = options;
  const choice = isEach(profile) ? (profile[index] ?? 'none') : profile;
  const rules = { map, set, idColumn, contactSeparator, filter, since, html, profile: choice };
  const csv = await readCsv({
    input: file,
    index,
    delimiter: options.delimiter,
    accepts: (header) => isHeader(header, rules),
    explain: (header) => headerError(header, file.path, rules),
    only: options.only,
  });
  const reading = readHeader(csv.source.header, file.path, rules);
  const { rows } = reading.plan;
  // What failed was recent enough when it was first read, however long it took to mend it.
  const isTaken = createRowFilter(csv.source.isFailuresFile ? { ...rows, since: null } : rows);
  return { csv, reading, isTaken, isFooter: createFooterTest(reading.rules.footer), file, undated: isTaken.undated };
}

/** What is still to be known is who its contacts are. */
type OpenedInput = Omit<IntakeInput, 'map'> & { readonly isTaken: RowPredicate };

async function mapperOf({ reading, isTaken }: OpenedInput, options: IntakeOptions, contacts: Contacts | null): Promise<IntakeInput['map']> {
  const { plan, rules } = reading;
  // Loaded where it is asked for: most imports need no HTML.
  const htmlToText = rules.html === 'text' ? (await import('../map/html-text.js')).htmlToText : null;
  const contactsOf = createContactsOf({ source: plan.contactId, rules: rules.contactIds, crosswalk: contacts?.crosswalk ?? null });
  return createMapper({ plan, defaultSubOrg: options.subOrg, content: { htmlToText, tooLong: options.tooLong }, isTaken, contactsOf });
}

function isEach(profile: IntakeOptions['profile']): profile is readonly ProfileChoice[] {
  return Array.isArray(profile);
}
