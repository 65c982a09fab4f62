import { UserError } from '../errors.js';
import { type Draft, type Fingerprint, type Part, type RowFailure, type SourceRecord, UNKNOWN_CONTACT } from '../model.js';
import { formatPhoneAddress } from '../phone-address.js';
import { ONE_CONTACT } from './apply-profile.js';
import type { ColumnPlan, FieldSource } from './columns.js';
import { createContactsOf, type NamedContact } from './contacts-of.js';
import { type Content, type ContentOptions, createContent, fieldReader, MAX_SPLIT, partName } from './content.js';
import { createRowFilter } from './filter.js';
import { contentHash, fingerprintAndHash, type NoteContent, partFingerprint, withOccurrence } from './fingerprint.js';
import { phoneNumberProblem } from './phone-number.js';
import { checkField, checkNote, countCodePoints, type FieldProblem } from './schema.js';

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
  /** `--campaign`: contacts are named by phone number. Default: by their id. */
  readonly campaign?: string | null;
  /** `--sub-org`: the sub organization of rows that name none. */
  readonly defaultSubOrg: string | null;
  /** What is done with name and text. Default: they are sent as they are, and one that is too long isn't. */
  readonly content?: ContentOptions;
  /** True for rows that are taken. Default: what the plan says. */
  readonly isTaken?: (cells: readonly string[]) => boolean;
  /** Which contacts a record names; none: it is left out. Default: the one in its cell. */
  readonly contactsOf?: (record: SourceRecord) => readonly NamedContact[];
}

const AS_IT_IS: ContentOptions = { htmlToText: null, tooLong: 'reject' };

/**
 * Makes the function that turns a record into the notes that are sent, one for each contact that it names, or says what is wrong with it.
 * @throws UserError where the default sub organization can't be sent
 */
export function createMapper(options: MapperOptions): (record: SourceRecord) => readonly Mapped[] {
  const { plan, campaign = null, defaultSubOrg, content = AS_IT_IS, isTaken = createRowFilter(plan.rows) } = options;
  const contactsOf = options.contactsOf ?? createContactsOf({ source: plan.contactId, rules: ONE_CONTACT, crosswalk: null });
  const usualSubOrg = checkedSubOrg(defaultSubOrg);
  const contentOf = createContent(plan, content);
  const subOrgOf = reader(plan.subOrg);
  const idOf = plan.id === null ? () => null : reader(plan.id);

  return (record) => {
    const named = isTaken(record.cells) ? contactsOf(record) : [];
    if (named.length === 0) return [{ kind: 'filtered', source: record }];
    const found = contentOf(record.cells);
    return named.map((contact) => noteFor(contact, found));
  };

  function noteFor(named: NamedContact, found: Content): Mapped {
    const { source } = named;
    const { cells } = source;
    const { parts, identity } = found;
    const byPhone = campaign === null ? null : phoneNumberProblem(named.contactId);
    const checked = checkNote({
      // A number that is none is told as such, not as an id.
      contactId: byPhone === null ? named.contactId : '-',
      name: found.name,
      // What makes a part makes all of them: each is as long as it may be, or shorter.
      text: parts?.[0] ?? found.text,
      subOrg: subOrgOf(cells),
      id: idOf(cells),
    });
    if (!checked.ok || byPhone !== null || named.kind === 'unknown') {
      const ofNote = checked.ok ? [] : checked.problems.map((problem) => explained(problem, found, content));
      const problems = byPhone === null ? ofNote : [byPhone, ...ofNote];
      return {
        kind: 'invalid',
        source,
        failure: invalid(named.kind === 'unknown' ? [unknownContact(named.contactId), ...problems] : problems),
      };
    }

    const { name, id } = checked.note;
    const contactId =
      campaign === null ? checked.note.contactId : formatPhoneAddress({ campaignId: campaign, phoneNumber: checked.note.contactId });
    const subOrg = checked.note.subOrg === '' ? (named.subOrg ?? usualSubOrg) : checked.note.subOrg;
    const noteContent: NoteContent = id === null ? { kind: 'note', ...identity } : { kind: 'id', id };
    const { base, sentHash } = fingerprintAndHash({ contactId, subOrg, content: noteContent }, { name, text: found.text });
    const occurrence = source.occurrence ?? 1;
    const draft: Draft = {
      contactId,
      subOrg,
      name,
      text: found.text,
      fingerprint: withOccurrence(base, occurrence),
      sentHash,
      // A constant isn't the input's: changing it changes no note.
      inputHash: id === null ? null : contentHash(identity.name ?? '', identity.text ?? ''),
      occurrence,
    };
    return { kind: 'mapped', source, draft: parts === null ? draft : inParts(draft, base, parts), base };
  }
}

function unknownContact(crmId: string): FieldProblem & { readonly value: string } {
  const measure = countCodePoints(crmId);
  return { field: 'contactId', rule: UNKNOWN_CONTACT, measure, value: crmId, message: 'not in the list of contacts (--contacts)' };
}

function inParts(whole: Draft, base: Fingerprint, texts: readonly string[]): Draft {
  const parts = texts.map((text, index): Part => {
    const [number, count] = [index + 1, texts.length];
    const name = partName(whole.name, number, count);
    // Its own text, and not the whole note's: with other options a note that was left half done is cut elsewhere, and would lose what
    // stood between the cuts.
    const partBase = number === count ? base : partFingerprint(base, { inputHash: contentHash('', text), number, count });
    const fingerprint = withOccurrence(partBase, whole.occurrence);
    return { base: partBase, draft: { ...whole, name, text, fingerprint, sentHash: contentHash(name, text) } };
  });
  return { ...whole, sentHash: parts.at(-1)?.draft.sentHash ?? whole.sentHash, parts };
}

function checkedSubOrg(subOrg: string | null): string | null {
  const trimmed = subOrg?.trim() ?? '';
  const [problem] = checkField('subOrg', trimmed);
  if (problem !== undefined) throw new UserError(`--sub-org: ${problem.message}`);
  return trimmed === '' ? null : trimmed;
}

function reader(source: FieldSource | null): (cells: readonly string[]) => string {
  return source === null ? () => '' : fieldReader(source, (cell) => cell);
}

/** Says what the cells alone don't: why nothing is left of them, and what an option can do about it. */
function explained(problem: FieldProblem, { blankBecause }: Content, { tooLong }: ContentOptions): FieldProblem {
  const { field, rule, message } = problem;
  const because = rule === 'not_blank' && (field === 'name' || field === 'text') ? blankBecause[field] : null;
  if (because !== null) return { ...problem, message: `${message}; ${because}` };
  if (field !== 'text' || rule !== 'max_length' || tooLong !== 'split') return problem;
  return { ...problem, message: `${message}; --too-long split takes up to ${MAX_SPLIT}` };
}

function invalid(problems: readonly (FieldProblem & { readonly value?: string })[]): RowFailure {
  return {
    kind: 'failed',
    class: 'invalid',
    status: null,
    message: problems.map(({ field, message }) => `${field}: ${message}`).join('; '),
    details: problems.map(({ field, rule, measure, value }) => ({ field, rule, measure, ...(value === undefined ? {} : { value }) })),
    attempts: 0,
  };
}
