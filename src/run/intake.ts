import type { Readable } from 'node:stream';
import { UserError } from '../errors.js';
import { createContactsOf } from '../map/contacts-of.js';
import { createDamageCheck, type DamageCheck } from '../map/damage.js';
import { createRowFilter, type RowPredicate } from '../map/filter.js';
import { createMapper, type Mapped } from '../map/mapper.js';
import { cleanPhoneNumber } from '../map/phone-number.js';
import { type HeaderReading, headerError, isHeader, type ProfileChoice, readHeader } from '../map/read-header.js';
import type { Emit, SourceRecord, SourceRow } from '../model.js';
import type { FindingName } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { type CsvSource, readCsv } from '../read/csv.js';
import type { OpenInput } from '../read/open.js';
import { createFooterTest } from './footer.js';
import { type Contacts, loadContacts } from './load-contacts.js';
import { type InputFile, openInputs } from './open-inputs.js';

/** Every input of a command, its header read and its columns understood: nothing is sent before all of them are. */
export interface Intake {
  readonly inputs: readonly IntakeInput[];
  /** Stored bytes of all inputs; null where one's size can't be known. */
  readonly totalBytes: number | null;
  /** For a person, of what was left out. */
  readonly warnings: readonly string[];
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
  /** The first rows, which `csv.rows()` gives again; null: an input that can be read again gives them itself, or there are none yet. */
  readonly peek: (() => Promise<readonly SourceRow[]>) | null;
  readonly damage: DamageCheck;
  /** `--accept` */
  readonly accept: ReadonlySet<FindingName>;
  readonly file: Pick<InputFile, 'path' | 'totalBytes' | 'sha256' | 'archive'>;
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
  | 'accept'
  | 'campaign'
> & {
  /** For all inputs, or for each. */
  readonly profile: ProfileChoice | readonly ProfileChoice[];
};

/**
 * @param given.contacts those of `options.contacts`, where they were read before: whoever gives them closes them, too
 * @param given.emit told how far a long list of contacts is read
 * @throws UserError where an input can't be read, its columns don't say what each note is, or the list of contacts can't be used
 */
export async function openIntake(
  options: IntakeOptions,
  given: { readonly stdin?: Readable | undefined; readonly contacts?: Contacts | null; readonly emit?: Emit | undefined } = {},
): Promise<Intake> {
  const { stdin } = given;
  if (options.inputs.filter((path) => path === '-').length > 1) {
    throw new UserError("Standard input ('-') was named more than once; it can be read only once.");
  }
  const files: InputFile[] = [];
  const warnings: string[] = [];
  let loaded: Contacts | null = null;
  const close = async () => {
    loaded?.crosswalk.close();
    for (const file of files) await file.close();
  };
  try {
    // The inputs first: what is wrong with them is said at once, and a list may be long.
    const opened: OpenedInput[] = [];
    for (const path of options.inputs) {
      const named = await openInputs({ path, encoding: options.encoding, ...(stdin === undefined ? {} : { stdin }) });
      files.push(...named.files);
      warnings.push(...named.warnings);
      for (const file of named.files) opened.push(await openOne(file, opened.length, options));
    }
    const sizes = files.map((file) => file.totalBytes);
    if (options.contacts !== null && given.contacts == null)
      loaded = await loadContacts(options.contacts, { emit: given.emit, accept: options.accept });
    const contacts = given.contacts ?? loaded;
    const inputs: IntakeInput[] = [];
    for (const input of opened) inputs.push({ ...input, map: await mapperOf(input, options, contacts) });
    return {
      inputs,
      contacts,
      totalBytes: sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      warnings,
      bytesRead: (upTo) => files.slice(0, upTo + 1).reduce((sum, file) => sum + file.bytesRead(), 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openOne(file: InputFile, index: number, options: IntakeOptions): Promise<OpenedInput> {
  const { map, set, idColumn, contactSeparator, filter, since, html, profile, accept } = options;
  const choice = isEach(profile) ? (profile[index] ?? 'none') : profile;
  const address = options.campaign === null ? 'contactId' : 'phoneNumber';
  const rules = { map, set, idColumn, address, contactSeparator, filter, since, html, profile: choice } as const;
  const read = (input: OpenInput) =>
    readCsv({
      input,
      index,
      delimiter: options.delimiter,
      accepts: (header) => isHeader(header, rules),
      explain: (header) => headerError(header, file.path, rules),
      only: options.only,
      acceptSwallowed: accept.includes('swallowed-rows'),
    });
  const csv = await file.lookInto(read);
  const { reopen } = file;
  const reading = readHeader(csv.source.header, file.path, rules);
  const conditions = reading.plan.rows;
  // What failed was recent enough when it was first read, however long it took to mend it.
  const isTaken = createRowFilter(csv.source.isFailuresFile ? { ...conditions, since: null } : conditions);
  const rows = reopen === null ? peekable(csv) : { rows: () => rowsAgain(reopen, read), peek: null };
  return {
    csv: { ...csv, rows: rows.rows },
    peek: rows.peek,
    reading,
    isTaken,
    isFooter: createFooterTest(reading.rules.footer),
    damage: createDamageCheck(reading.plan),
    accept: new Set(accept),
    file,
    undated: isTaken.undated,
  };
}

/** What is still to be known is who its contacts are. */
type OpenedInput = Omit<IntakeInput, 'map'> & { readonly isTaken: RowPredicate };

async function mapperOf({ reading, isTaken }: OpenedInput, options: IntakeOptions, contacts: Contacts | null): Promise<IntakeInput['map']> {
  const { plan, rules } = reading;
  const { campaign } = options;
  // Loaded where it is asked for: most imports need no HTML.
  const htmlToText = rules.html === 'text' ? (await import('../map/html-text.js')).htmlToText : null;
  const contactsOf = createContactsOf({
    source: plan.contactId,
    rules: rules.contactIds,
    crosswalk: contacts?.crosswalk ?? null,
    ...(campaign === null ? {} : { clean: cleanPhoneNumber }),
  });
  return createMapper({
    plan,
    campaign,
    defaultSubOrg: options.subOrg,
    content: { htmlToText, tooLong: options.tooLong },
    isTaken,
    contactsOf,
  });
}

function isEach(profile: IntakeOptions['profile']): profile is readonly ProfileChoice[] {
  return Array.isArray(profile);
}

/** A part's rows: its header has been looked at before, and the part closed again. */
async function* rowsAgain(reopen: () => Promise<OpenInput>, read: (input: OpenInput) => Promise<CsvSource>): ReturnType<CsvSource['rows']> {
  const input = await reopen();
  try {
    yield* (await read(input)).rows();
  } finally {
    await input.close();
  }
}

/** What can be read only once: its first batch can be looked at before. */
function peekable(csv: CsvSource): Pick<IntakeInput, 'peek'> & Pick<CsvSource, 'rows'> {
  const rows = csv.rows()[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<readonly SourceRow[]>> | null = null;
  return {
    peek: csv.hasRowsAtHand
      ? async () => {
          first ??= rows.next();
          // Why it ended early is said where its rows are taken.
          const begin = await first.catch(() => null);
          return begin === null || begin.done === true ? [] : begin.value;
        }
      : null,
    rows: async function* () {
      const begin = await first;
      if (begin?.done === true) return;
      if (begin !== null) yield begin.value;
      yield* { [Symbol.asyncIterator]: () => rows };
    },
  };
}
