import { z } from 'zod';
import { parsePhoneAddress } from '../phone-address.js';
import { trimId } from './trim-id.js';

/** The API's limits, in Unicode code points (its reference; JSON Schema counts so). */
export const MAX_NAME = 200;
export const MAX_TEXT = 5000;

/** What is wrong with a field, without its content. */
export interface FieldProblem {
  readonly field: string;
  readonly rule: string;
  /** The number that breaks the rule: a length in code points, or the position of a character, from 1, in code points. */
  readonly measure: number;
  /** `6212 characters, at most 5000` */
  readonly message: string;
}

/** A row's fields as its cells have them. `id` is null without `--id-column`. */
interface NoteInput {
  readonly contactId: string;
  readonly name: string;
  readonly text: string;
  readonly subOrg: string;
  readonly id: string | null;
}

type CheckedNote = { readonly ok: true; readonly note: NoteInput } | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Checks a row against the API's limits. contactId, subOrg and id come back trimmed; name and text exactly as they went in. */
export function checkNote(input: NoteInput): CheckedNote {
  const result = noteSchema.safeParse(input);
  return result.success ? { ok: true, note: result.data } : { ok: false, problems: result.error.issues.map(problemOf) };
}

/** The same for one value alone, such as a constant from the command line. */
export function checkField(field: keyof typeof noteSchema.shape, value: string): readonly FieldProblem[] {
  const result = noteSchema.shape[field].safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => ({ ...problemOf(issue), field }));
}

/** How many Unicode code points a string has. A lone surrogate counts as one. */
export function countCodePoints(value: string): number {
  let count = value.length;
  for (let index = 1; index < value.length; index++) {
    if (isLow(value.charCodeAt(index)) && isHigh(value.charCodeAt(index - 1))) count--;
  }
  return count;
}

/** True if there is a character in it that a person can see: what has none is blank to the API. */
export function hasVisible(value: string): boolean {
  return VISIBLE.test(value);
}

type Report = (rule: string, measure: number, message: string) => void;

const noteSchema = z.object({
  contactId: z.string().overwrite(trimId).check(rules(checkContactId)),
  name: z.string().check(rules((value, report) => checkContent(value, MAX_NAME, report))),
  text: z.string().check(rules((value, report) => checkContent(value, MAX_TEXT, report))),
  subOrg: z.string().trim().check(rules(checkSubOrg)),
  id: z.string().overwrite(trimId).check(rules(checkId)).nullable(),
});

/** Makes a zod check of a function that reports each rule that is broken. */
function rules(check: (value: string, report: Report) => void) {
  return (context: z.core.ParsePayload<string>): void => {
    check(context.value, (rule, measure, message) => {
      // zod takes `input` out of the issues it hands on, so the note's text goes nowhere.
      context.issues.push({ code: 'custom', input: context.value, message, params: { rule, measure } });
    });
  };
}

function checkContactId(value: string, report: Report): void {
  if (!VISIBLE.test(value)) {
    report('not_empty', countCodePoints(value), nothingVisible(value));
    return;
  }
  // encodeURIComponent leaves dots alone, and a client takes `/contacts/../memories` for another address.
  if (value === '.' || value === '..') report('path_segment', value.length, `"${value}" is no id that a URL can hold`);
  if (parsePhoneAddress(value) !== null) {
    report(
      'contact_id',
      value.length,
      'this form names a contact by campaign and phone number: give --campaign, and the number in its own column',
    );
    return;
  }
  const control = value.search(CONTROL);
  if (control >= 0) reportCharacter(value, control, { rule: 'no_control_characters', why: 'a control character' }, report);
  checkWellFormed(value, report);
}

function checkContent(value: string, max: number, report: Report): void {
  if (!VISIBLE.test(value)) {
    report('not_blank', countCodePoints(value), `${nothingVisible(value)}, 1 to ${max} characters expected`);
    return;
  }
  // Code points are never more than UTF-16 units: almost no row has to be counted.
  if (value.length > max) {
    const length = countCodePoints(value);
    if (length > max) report('max_length', length, `${length} characters, at most ${max}`);
  }
  const nul = value.indexOf('\0');
  if (nul >= 0) reportCharacter(value, nul, { rule: 'no_nul', why: 'which no note can hold' }, report);
  checkWellFormed(value, report);
}

function checkSubOrg(value: string, report: Report): void {
  const strange = value.search(NOT_PRINTABLE_ASCII);
  if (strange >= 0) reportCharacter(value, strange, { rule: 'header_value', why: 'a header carries printable ASCII only' }, report);
}

function checkId(value: string, report: Report): void {
  if (!VISIBLE.test(value)) {
    report('not_empty', countCodePoints(value), `${nothingVisible(value)}, --id-column needs one in every row`);
    return;
  }
  checkWellFormed(value, report);
}

function checkWellFormed(value: string, report: Report): void {
  if (value.isWellFormed()) return;
  reportCharacter(value, value.search(LONE_SURROGATE), { rule: 'well_formed', why: 'half of a character' }, report);
}

function reportCharacter(value: string, index: number, { rule, why }: { rule: string; why: string }, report: Report): void {
  const codePoint = (value.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const position = countCodePoints(value.slice(0, index)) + 1;
  report(rule, position, `U+${codePoint} at position ${position}, ${why}`);
}

/** Any character that a person can see. Unicode's "default ignorable" ones are zero-width spaces, joiners, fillers and the like. */
const VISIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;
const CONTROL = /\p{Cc}/u;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/;
const LONE_SURROGATE = /\p{Cs}/u;

function nothingVisible(value: string): string {
  return value === '' ? 'empty' : `${countCodePoints(value)} characters, none of them visible`;
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

function problemOf(issue: z.core.$ZodIssue): FieldProblem {
  const params: Record<string, unknown> = issue.code === 'custom' ? (issue.params ?? {}) : {};
  return {
    field: String(issue.path[0] ?? ''),
    rule: typeof params.rule === 'string' ? params.rule : issue.code,
    measure: typeof params.measure === 'number' ? params.measure : 0,
    message: issue.message,
  };
}
