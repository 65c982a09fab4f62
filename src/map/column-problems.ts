import { FIELDS, type Field } from '../fields.js';
import {
  type Candidates,
  type ColumnOptions,
  type ColumnSource,
  columnsNamed,
  columnsOf,
  isColumn,
  isMissing,
  templateOf,
} from './candidates.js';
import { couldMean, FIELD_NAMES, nearestHeader, showHeader } from './header-names.js';
import { cleanPhoneNumber, phoneNumberProblem } from './phone-number.js';
import { checkField } from './schema.js';
import type { TemplateProblem } from './template.js';

interface Matching {
  readonly header: readonly string[];
  readonly candidates: Candidates;
  readonly options: ColumnOptions;
}

/** Everything that keeps a header from being understood, one sentence each, with what to type. Empty: nothing does. */
export function columnProblems(matching: Matching): readonly string[] {
  return [
    ...FIELDS.map((field) => fieldProblem(field, matching)),
    idProblem(matching),
    ...FIELDS.flatMap((field) => constantProblems(field, matching)),
    ...templateProblems(matching.header, matching.options),
    ...conditionProblems(matching.header, matching.options),
  ].filter((problem) => problem !== null);
}

/** Of placeholders in `--set`. */
export function templateProblems(header: readonly string[], { set }: ColumnOptions): readonly string[] {
  return FIELDS.flatMap((field) => {
    const value = set[field];
    if (value === undefined) return [];
    return templateOf(header, value).problems.map(
      (problem) => `${field}: --set ${field}=${showHeader(value)}: ${placeholderProblem(problem, header)}`,
    );
  });
}

function placeholderProblem(problem: TemplateProblem<ColumnSource>, header: readonly string[]): string {
  if (problem.kind === 'unclosed')
    return 'a brace begins the name of a column, as in {Create Date}, and this one never closes; write {{ for a brace itself';
  const shown = `{${showHeader(problem.name).slice(1, -1)}}`;
  if (problem.kind === 'ambiguous')
    return `${shown} could mean ${list(problem.columns, 'and')}; give the header exactly, or rename all but one of them in the file`;
  const near = nearestHeader(header, [problem.name]);
  const hint = near === null ? '' : `; did you mean {${showHeader(near).slice(1, -1)}}?`;
  return `${shown} names a column that isn't there${hint} (braces themselves are written {{ and }})`;
}

/** Of `--filter` and `--since`. */
export function conditionProblems(header: readonly string[], { filter = [], since = null }: ColumnOptions): readonly string[] {
  const named = [
    ...filter.map(({ column }) => ({ option: '--filter', column })),
    ...(since === null ? [] : [{ option: '--since', column: since.column }]),
  ];
  return named.flatMap(({ option, column }) => {
    const found = columnsNamed(columnsOf(header), column);
    if (found.length === 1) return [];
    if (found.length > 1)
      return [
        `${option} ${showHeader(column)}: ${list(found, 'and')} could all be meant; give the header exactly, or rename all but one of them`,
      ];
    return [`${option} ${showHeader(column)} names a column that isn't there${didYouMean(header, column, `${option} `)}`];
  });
}

function fieldProblem(field: Field, { header, candidates, options }: Matching): string | null {
  const [mapped, constant, found] = [options.map[field], options.set[field], candidates[field]];
  if (mapped !== undefined && constant !== undefined) {
    return `${field}: --map takes it from a column and --set gives it a constant; leave one of the two out`;
  }
  if (constant !== undefined && found.length > 0) {
    return `${field}: --set gives a constant where a file has no such column, but there is ${list(found, 'and')}; leave --set out, or rename the column in the file`;
  }
  if (found.length > 1) return ambiguity(field, found);
  if (!isMissing(field, candidates, options)) return null;
  if (mapped !== undefined)
    return `${field}: --map ${field}=${showHeader(mapped)} names a column that isn't there${didYouMean(header, mapped, `--map ${field}=`)}`;
  return missing(field, header);
}

function ambiguity(field: Field, found: readonly ColumnSource[]): string {
  const names = new Set(found.map(({ header }) => header));
  const start = `${field}: ${list(found, 'and')} could ${found.length === 2 ? 'both' : 'all'} be meant`;
  // A name that stands twice can't be told apart by --map.
  const tellable = [...names].filter((name) => found.filter(({ header }) => header === name).length === 1);
  if (tellable.length === 0) return `${start}; rename all but one of them in the file`;
  return `${start}; say which with ${tellable.map((name) => mapOption(field, name)).join(' or ')}`;
}

function missing(field: Field, header: readonly string[]): string {
  const looked = FIELD_NAMES[field].map((name) => `"${name}"`).join(', ');
  const near = nearestHeader(header, FIELD_NAMES[field]);
  const map = near === null ? `--map ${field}="Header", with a header of the file` : mapOption(field, near);
  const constant = field === 'name' ? ', or give every note the same one with --set name="CRM note"' : '';
  const phones = field === 'contactId' ? header.find((name) => couldMean('phoneNumber', name)) : undefined;
  const byPhone = phones === undefined ? '' : `; if the contacts are known by the numbers in ${showHeader(phones)}: --campaign <id>`;
  return `${field}: no column of that name (looked for ${looked}); say which it is with ${map}${constant}${byPhone}`;
}

function idProblem({ header, candidates: { id, contactId, phoneNumber, subOrg }, options: { idColumn } }: Matching): string | null {
  if (idColumn === null) return null;
  const option = `--id-column ${showHeader(idColumn)}`;
  if (id.length > 1)
    return `${option}: ${list(id, 'and')} could all be meant; give the header exactly, or rename all but one of them in the file`;
  const column = id[0];
  if (column === undefined) return `${option} names a column that isn't there${didYouMean(header, idColumn, '--id-column ')}`;
  // Every note of a contact would be the same note.
  const address = contactId.includes(column)
    ? 'contactId'
    : phoneNumber.includes(column)
      ? 'phoneNumber'
      : subOrg.includes(column)
        ? 'subOrg'
        : null;
  return address === null ? null : `${option} is the column of ${address}; it must be the id of the note, different in every row`;
}

function constantProblems(field: Field, { header, options }: Matching): readonly string[] {
  const constant = options.set[field];
  if (constant === undefined) return [];
  if (constant.trim() === '') return [`${field}: --set ${field}= gives no value`];
  const { parts, problems } = templateOf(header, constant);
  if (problems.length > 0 || parts.some(isColumn)) return [];
  const value = parts.join('');
  const found = field === 'phoneNumber' ? [phoneNumberProblem(cleanPhoneNumber(value))] : checkField(field, value);
  return found.filter((problem) => problem !== null).map(({ message }) => `${field}: the constant of --set: ${message}`);
}

function didYouMean(header: readonly string[], name: string, option: string): string {
  const near = nearestHeader(header, [name]);
  return near === null ? '' : `; did you mean ${option}${showHeader(near)}?`;
}

function mapOption(field: Field, header: string): string {
  return `--map ${field}=${showHeader(header)}`;
}

function list(columns: readonly ColumnSource[], word: string): string {
  const names = columns.map(({ header }) => showHeader(header));
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}
