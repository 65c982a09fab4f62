import { StoppedError, UserError } from '../errors.js';
import { MAX_ID_CHARACTERS } from '../map/crosswalk.js';
import { isScientific, restoredCase } from '../map/damaged-ids.js';
import { canonicalHeader, FIELD_NAMES, showHeader, showHeaders } from '../map/header-names.js';
import { checkField } from '../map/schema.js';
import { trimId } from '../map/trim-id.js';
import type { Emit, SourceRow } from '../model.js';
import type { FindingName } from '../model-plan.js';
import { readCsv } from '../read/csv.js';
import { unguarded } from '../read/failures-file.js';
import { openInput } from '../read/open.js';
import type { LargeCrosswalk } from './large-crosswalk.js';

/** A list of contacts (`--contacts`), read whole. */
export interface Contacts {
  readonly path: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string | null;
  /** Whoever loaded it closes it. */
  readonly crosswalk: LargeCrosswalk;
}

export interface LoadContacts {
  /** A WHATWG label; null: by byte order mark, else UTF-8. */
  readonly encoding?: string | null;
  /** Told every few seconds how far it is: a list of millions takes a minute. */
  readonly emit?: Emit | undefined;
  readonly now?: () => number;
  /** `--accept`: what a spreadsheet did to an id is right as it is. */
  readonly accept?: readonly FindingName[];
  /** What doesn't fit into so much memory lies on disk. */
  readonly memoryBytes?: number;
}

const TELL_EVERY_MS = 5000;

/**
 * Reads which contact of Callers each id of the CRM means: CSV with the columns `crmId`, `contactId` and, if it has one, `subOrg`. A row
 * without a contact says nothing.
 * @throws UserError with its line where a row can't be read or used, or an id stands there twice with different contacts
 */
export async function loadContacts(path: string, options: LoadContacts = {}): Promise<Contacts> {
  const { encoding = null, emit, now = Date.now, accept = [], memoryBytes } = options;
  if (path === '-') throw new UserError("--contacts: expected a file, found '-': standard input can be an input only.");
  // With SQLite, which only a list of contacts needs in this thread.
  const { createLargeCrosswalk } = await import('./large-crosswalk.js');
  const file = await openInput({ path, encoding });
  const crosswalk = createLargeCrosswalk(memoryBytes);
  try {
    const csv = await readCsv({
      input: file,
      index: 0,
      delimiter: null,
      accepts: (header) => NEEDED.every((name) => columnOf(header, name).length > 0),
      explain: (header) => new UserError(`${path}: ${headerProblem(header)}\n  headers seen: ${showHeaders(header)}`),
    });
    const { header } = csv.source;
    const problem = headerProblem(header);
    if (problem !== null) throw new UserError(`${path}: ${problem}\n  headers seen: ${showHeaders(header)}`);
    const [crmId = -1, contactId = -1, subOrg = -1] = COLUMNS.map((name) => columnOf(header, name)[0] ?? -1);
    const isUnknownContacts = UNKNOWN_CONTACTS_COLUMNS.every((name, index) => header[index] === name);
    const adding: Adding = { path, crosswalk, columns: { crmId, contactId, subOrg }, isGuarded: isUnknownContacts, accept };
    let toldAt = now();
    for await (const rows of csv.rows()) {
      for (const row of rows) addRow(row, adding);
      if (now() - toldAt < TELL_EVERY_MS) continue;
      toldAt = now();
      emit?.({ type: 'reading_contacts', path, contacts: crosswalk.size, bytes: file.bytesRead(), totalBytes: file.totalBytes });
    }
    if (crosswalk.size === 0)
      throw new UserError(`${path}: no row has both ${NAMES.crmId[0]} and ${NAMES.contactId[0]}; expected one for each contact of the CRM`);
    return { path, sha256: file.sha256(), crosswalk };
  } catch (error) {
    crosswalk.close();
    // Nothing was sent yet: what would stop a run is here a reason not to start.
    throw error instanceof StoppedError ? new UserError(error.message, { cause: error }) : error;
  } finally {
    await file.close();
  }
}

const NAMES = {
  crmId: ['crmId', 'crmContactId', 'externalId', 'sourceId', 'recordId'],
  contactId: [...FIELD_NAMES.contactId, 'callersId', 'callersContactId'],
  subOrg: FIELD_NAMES.subOrg,
} as const;
const UNKNOWN_CONTACTS_COLUMNS = ['crmId', 'rows', 'contactId'] as const;
const COLUMNS = ['crmId', 'contactId', 'subOrg'] as const;
const NEEDED = ['crmId', 'contactId'] as const;

function columnOf(header: readonly string[], column: (typeof COLUMNS)[number]): readonly number[] {
  const names = new Set(NAMES[column].map(canonicalHeader));
  return header.flatMap((cell, index) => (names.has(canonicalHeader(cell)) ? [index] : []));
}

function headerProblem(header: readonly string[]): string | null {
  for (const name of COLUMNS) {
    const found = columnOf(header, name);
    if (found.length > 1)
      return `${name}: ${found.map((index) => showHeader(header[index] ?? '')).join(' and ')} could be meant; rename all but one of them`;
    if (found.length === 0 && name !== 'subOrg')
      return `no column ${name}; a list of contacts has the columns crmId (the CRM's id), contactId (Callers') and, where needed, subOrg`;
  }
  return null;
}

interface Adding {
  readonly path: string;
  readonly crosswalk: Pick<LargeCrosswalk, 'add'>;
  readonly columns: { readonly crmId: number; readonly contactId: number; readonly subOrg: number };
  /** The file is `unknown-contacts.csv` of a run: what a spreadsheet takes for a formula has an apostrophe in front. */
  readonly isGuarded: boolean;
  readonly accept: readonly FindingName[];
}

function addRow(row: SourceRow, { path, crosswalk, columns, isGuarded, accept }: Adding): void {
  const wrong = (what: string) => new UserError(`${path}, line ${row.line}: ${what}. Nothing was sent.`);
  if (row.kind === 'malformed') throw wrong(row.message);
  const cell = row.cells[columns.crmId] ?? '';
  const crmId = trimId(isGuarded ? unguarded(cell) : cell);
  const contactId = trimId(row.cells[columns.contactId] ?? '');
  const subOrg = trimId(row.cells[columns.subOrg] ?? '');
  if (contactId === '') return;
  if (crmId === '') throw wrong(`the contact ${JSON.stringify(contactId)} has no crmId`);
  for (const [field, value] of [
    ['contactId', contactId],
    ['subOrg', subOrg],
  ] as const) {
    const [problem] = checkField(field, value);
    if (problem !== undefined) throw wrong(`${field}: ${problem.message}`);
  }
  for (const [field, id] of [
    ['crmId', crmId],
    ['contactId', contactId],
  ] as const) {
    const damage = damageOf(id);
    if (damage !== null && !accept.includes(damage.finding))
      throw wrong(`${field}: ${damage.finding}: ${damage.message}. Mend the list, or if it is right: --accept ${damage.finding}`);
  }
  if (Math.max(crmId.length, contactId.length) > MAX_ID_CHARACTERS) throw wrong(`an id has more than ${MAX_ID_CHARACTERS} characters`);
  const other = crosswalk.add(crmId, { contactId, subOrg: subOrg === '' ? null : subOrg }, row.line);
  if (other !== null)
    throw wrong(`${JSON.stringify(crmId)} stands there with another contact than in line ${other}; one id is one contact`);
}

/** Lists of ids are made in spreadsheets, and two ids that lost their last digits are one. */
function damageOf(id: string): { readonly finding: FindingName; readonly message: string } | null {
  if (isScientific(id))
    return { finding: 'scientific-ids', message: 'a number in scientific notation, whose last digits are lost (a spreadsheet does that)' };
  const restored = restoredCase(id);
  if (restored === null) return null;
  return { finding: 'salesforce-case', message: `a Salesforce id whose letters lost their case: its checksum says ${restored}` };
}
