import { UserError } from '../errors.js';
import type { Draft, Fingerprint, RowFailure, SourceRecord } from '../model.js';
import type { ColumnPlan, FieldSource } from './columns.js';
import { contentHash, fingerprintOf, type NoteContent, withOccurrence } from './fingerprint.js';
import { checkField, checkNote, type FieldProblem } from './schema.js';

/** What one record is, for one of the contacts that it names. `source` is the record with that contact alone. */
export type Mapped = { readonly source: SourceRecord } & (
  | /** `base` identifies the note without its occurrence: `withOccurrence(base, n)` is the n-th one's fingerprint. */
  { readonly kind: 'mapped'; readonly draft: Draft; readonly base: Fingerprint }
  | { readonly kind: 'invalid'; readonly failure: RowFailure }
  /** Left out, as asked. */
  | { readonly kind: 'filtered' }
);

interface MapperOptions {
  readonly plan: ColumnPlan;
  /** `--sub-org`: the sub organization of rows that name none. */
  readonly defaultSubOrg: string | null;
}

/**
 * Makes the function that turns a record into the notes that are sent, one for each contact that it names, or says what is wrong with it.
 * @throws UserError where the default sub organization can't be sent
 */
export function createMapper({ plan, defaultSubOrg }: MapperOptions): (record: SourceRecord) => readonly Mapped[] {
  const usualSubOrg = checkedSubOrg(defaultSubOrg);
  const contactIdOf = reader(plan.contactId);
  const nameOf = reader(plan.name);
  const textOf = reader(plan.text);
  const subOrgOf = reader(plan.subOrg);
  const idOf = plan.id === null ? () => null : reader(plan.id);
  const hasName = plan.name.kind === 'column';
  const hasText = plan.text.kind === 'column';

  return (record) => {
    const { cells } = record;
    const checked = checkNote({
      contactId: contactIdOf(cells),
      name: nameOf(cells),
      text: textOf(cells),
      subOrg: subOrgOf(cells),
      id: idOf(cells),
    });
    if (!checked.ok) return [{ kind: 'invalid', source: record, failure: invalid(checked.problems) }];

    const { contactId, name, text, id } = checked.note;
    const subOrg = checked.note.subOrg === '' ? usualSubOrg : checked.note.subOrg;
    const content: NoteContent =
      id === null ? { kind: 'note', name: hasName ? name : null, text: hasText ? text : null } : { kind: 'id', id };
    const base = fingerprintOf({ contactId, subOrg, content });
    const occurrence = record.occurrence ?? 1;
    const draft: Draft = {
      contactId,
      subOrg,
      name,
      text,
      fingerprint: withOccurrence(base, occurrence),
      sentHash: contentHash(name, text),
      // A constant isn't the input's: changing it changes no note.
      inputHash: id === null ? null : contentHash(hasName ? name : '', hasText ? text : ''),
      occurrence,
    };
    return [{ kind: 'mapped', source: record, draft, base }];
  };
}

function checkedSubOrg(subOrg: string | null): string | null {
  const trimmed = subOrg?.trim() ?? '';
  const [problem] = checkField('subOrg', trimmed);
  if (problem !== undefined) throw new UserError(`--sub-org: ${problem.message}`);
  return trimmed === '' ? null : trimmed;
}

function reader(source: FieldSource | null): (cells: readonly string[]) => string {
  if (source === null) return () => '';
  if (source.kind === 'constant') return () => source.value;
  const { index } = source;
  return (cells) => cells[index] ?? '';
}

function invalid(problems: readonly FieldProblem[]): RowFailure {
  return {
    kind: 'failed',
    class: 'invalid',
    status: null,
    message: problems.map(({ field, message }) => `${field}: ${message}`).join('; '),
    details: problems.map(({ field, rule, measure }) => ({ field, rule, measure })),
    attempts: 0,
  };
}
