import { type AddressField, FIELDS, type Field, type Filter, type Since } from '../fields.js';
import { canonicalHeader, couldMean } from './header-names.js';
import { parseTemplate, type Template } from './template.js';

/** Every column of a header that could be meant, for each field and for the note's id. */
export type Candidates = Readonly<Record<Field | 'id', readonly ColumnSource[]>>;

export interface ColumnSource {
  readonly kind: 'column';
  /** Position in the header, from 0. */
  readonly index: number;
  /** The header cell, as it stands in the file. */
  readonly header: string;
}

/** What the command line says of columns. */
export interface ColumnOptions {
  /** Field → header of its column. */
  readonly map: Readonly<Partial<Record<Field, string>>>;
  /** Field → constant, with `{column}` where a cell stands in. */
  readonly set: Readonly<Partial<Record<Field, string>>>;
  readonly idColumn: string | null;
  /** Default: the contact's id. */
  readonly address?: AddressField;
  readonly filter?: readonly Filter[];
  readonly since?: Since | null;
  /** Fields for which a profile has spoken: columns of their usual names mean nothing. */
  readonly settled?: readonly Field[];
  /** What is sent where the field's cell is blank; made as a value of `--set`. Only a profile says it. */
  readonly whenBlank?: Readonly<Partial<Record<'name' | 'text', string>>>;
}

/** Finds them, by the user's words first and by the fields' usual names else. */
export function findCandidates(
  header: readonly string[],
  { map, set, idColumn, address = 'contactId', settled = [] }: ColumnOptions,
): Candidates {
  const columns = columnsOf(header);
  const mapped = (field: Field) => columnsNamed(columns, map[field] ?? null);
  // A column that the user gave to one field is no candidate for another any more, unless the user says that too.
  const taken = new Set(FIELDS.flatMap(mapped));
  const candidates = (field: Field) => {
    if (map[field] !== undefined) return mapped(field);
    if (settled.includes(field) || isUnused(field, address)) return [];
    // What a field is made of is named by the user: nobody needs to be told that it is there.
    const used = templateOf(header, set[field] ?? '').parts;
    return columns.filter(
      (column) =>
        !taken.has(column) && couldMean(field, column.header) && !used.some((part) => isColumn(part) && part.index === column.index),
    );
  };
  return {
    contactId: candidates('contactId'),
    phoneNumber: candidates('phoneNumber'),
    name: candidates('name'),
    text: candidates('text'),
    subOrg: candidates('subOrg'),
    id: columnsNamed(columns, idColumn),
  };
}

/** True if the field must have a column and has none. */
export function isMissing(field: Field, candidates: Candidates, { map, set, address = 'contactId' }: ColumnOptions): boolean {
  if (isUnused(field, address)) return false;
  const needed = map[field] !== undefined || (field !== 'subOrg' && set[field] === undefined);
  return needed && candidates[field].length === 0;
}

function isUnused(field: Field, address: AddressField): boolean {
  return (field === 'contactId' || field === 'phoneNumber') && field !== address;
}

/** A value of `--set`, with the columns of this header. */
export function templateOf(header: readonly string[], value: string): Template<ColumnSource> {
  const columns = columnsOf(header);
  return parseTemplate(value, (name) => columnsNamed(columns, name));
}

export function isColumn(part: string | ColumnSource): part is ColumnSource {
  return typeof part !== 'string';
}

export function columnsOf(header: readonly string[]): readonly ColumnSource[] {
  return header.map((name, index) => ({ kind: 'column', index, header: name }));
}

/** Columns that a user's word can mean: those of exactly this name, or else those that differ in case, spaces and the like. */
export function columnsNamed(columns: readonly ColumnSource[], name: string | null): readonly ColumnSource[] {
  if (name === null || name.trim() === '') return [];
  const exact = columns.filter((column) => column.header === name);
  if (exact.length > 0) return exact;
  const canonical = canonicalHeader(name);
  return canonical === '' ? [] : columns.filter((column) => canonicalHeader(column.header) === canonical);
}
