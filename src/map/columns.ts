import { UserError } from '../errors.js';
import { type AddressField, FIELDS, type Field } from '../fields.js';
import {
  type ColumnOptions,
  type ColumnSource,
  columnsNamed,
  columnsOf,
  findCandidates,
  isColumn,
  isMissing,
  templateOf,
} from './candidates.js';
import { columnProblems, conditionProblems, templateProblems } from './column-problems.js';
import type { RowFilter } from './filter.js';
import { showHeaders } from './header-names.js';

/** Where each field of a note comes from, for one input. */
export interface ColumnPlan {
  /** What the next one holds. */
  readonly address: AddressField;
  readonly contactId: FieldSource;
  readonly name: FieldSource;
  readonly text: FieldSource;
  /** null: the file has no such column, and no constant is given. */
  readonly subOrg: FieldSource | null;
  /** The column that `--id-column` names. */
  readonly id: ColumnSource | null;
  /** What is sent where the cell of the field is blank; null: nothing. */
  readonly whenBlank: { readonly name: FieldSource | null; readonly text: FieldSource | null };
  /** Which rows are taken. */
  readonly rows: RowFilter;
}

export type FieldSource =
  | ColumnSource
  | { readonly kind: 'constant'; readonly value: string }
  /** Of literal text and at least one column. */
  | { readonly kind: 'template'; readonly parts: readonly (string | ColumnSource)[] };

/** A header, and what the command line says of its columns. */
interface HeaderToMatch extends ColumnOptions {
  readonly header: readonly string[];
  /** Names the input in the error. */
  readonly path: string;
}

/**
 * Decides which column is which field. Of two that could both be meant, none wins.
 * @throws UserError see `columnsError`
 */
export function matchColumns(matching: HeaderToMatch): ColumnPlan {
  const error = columnsError(matching);
  if (error !== null) throw error;
  const candidates = findCandidates(matching.header, matching);
  const source = (field: Field): FieldSource | null => {
    const constant = matching.set[field];
    return constant === undefined ? (candidates[field][0] ?? null) : constantSource(matching.header, constant);
  };
  const whenBlank = (field: 'name' | 'text'): FieldSource | null => {
    const value = matching.whenBlank?.[field];
    return value === undefined ? null : constantSource(matching.header, value);
  };
  return {
    address: matching.address ?? 'contactId',
    contactId: certain(source(matching.address ?? 'contactId')),
    name: certain(source('name')),
    text: certain(source('text')),
    subOrg: source('subOrg'),
    id: candidates.id[0] ?? null,
    whenBlank: { name: whenBlank('name'), text: whenBlank('text') },
    rows: rowFilter(matching),
  };
}

function constantSource(header: readonly string[], constant: string): FieldSource {
  const { parts } = templateOf(header, constant);
  return parts.some(isColumn) ? { kind: 'template', parts } : { kind: 'constant', value: parts.join('') };
}

function rowFilter({ header, filter = [], since = null }: HeaderToMatch): RowFilter {
  const sourceOf = (name: string): ColumnSource => {
    const source = columnsNamed(columnsOf(header), name)[0];
    if (source === undefined) throw new Error('a condition without a column is a problem that columnsError names');
    return source;
  };
  return {
    filters: filter.map((one) => ({ ...one, source: sourceOf(one.column) })),
    since: since === null ? null : { ...since, source: sourceOf(since.column) },
  };
}

/** What keeps a header from being understood: every problem at once, what to type to settle it, and the headers seen. null: nothing. */
export function columnsError({ header, path, ...options }: HeaderToMatch): UserError | null {
  const problems = columnProblems({ header, candidates: findCandidates(header, options), options });
  if (problems.length === 0) return null;
  const lines = problems.map((problem) => `  ${problem}\n`).join('');
  return new UserError(`${path}: its columns don't say clearly what each note is.\n${lines}  headers seen: ${showHeaders(header)}`);
}

/**
 * True if each field that must be there has a column that could be meant, or a constant: this is how the delimiter is found. A header in
 * which two columns could be meant passes, so that the user is told of that and not of a delimiter.
 */
export function hasNeededColumns(header: readonly string[], options: ColumnOptions): boolean {
  const candidates = findCandidates(header, options);
  const hasFields = FIELDS.every((field) => !isMissing(field, candidates, options));
  const isUnderstood = templateProblems(header, options).length === 0 && conditionProblems(header, options).length === 0;
  return hasFields && isUnderstood && (options.idColumn === null || candidates.id.length > 0);
}

function certain(source: FieldSource | null): FieldSource {
  if (source === null) throw new Error('a field without a source is a problem that columnsError names');
  return source;
}
