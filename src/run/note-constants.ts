import { UserError } from '../errors.js';
import type { Field } from '../fields.js';
import { placeholdersOf } from '../map/template.js';
import type { ResolvedOptions } from '../options.js';

/** Constants of `--set`. */
type Constants = ResolvedOptions['set'];

/** Of constants that are a note's name or text, which nobody shall read in the ledger: how many characters they have. */
export type ConstantLengths = Readonly<Partial<Record<Field, number>>>;

/** What the ledger may keep of the constants: those that only say where a note goes, and of the others that they were there. */
export function keptConstants(set: Constants): { readonly set: Constants; readonly noteConstants: ConstantLengths } {
  const entries = Object.entries(set);
  return {
    set: Object.fromEntries(entries.flatMap(([field, value]) => (isOfNote(field) ? columnsOnly(field, value) : [[field, value]]))),
    noteConstants: Object.fromEntries(entries.flatMap(([field, value]) => (isOfNote(field) ? [[field, lengthOf(value)]] : []))),
  };
}

/**
 * The constants of a run that is read again. None says which note a row is, so where one isn't given again another stands for it.
 * @throws UserError where one that is given can't be the run's own
 */
export function constantsAgain(
  kept: { readonly set: Constants; readonly noteConstants: ConstantLengths },
  given: Constants,
): { readonly set: Constants; readonly isNameKnown: boolean } {
  const again = Object.entries(kept.noteConstants).map(([field, length]) => {
    const value = given[field as Field];
    if (value !== undefined && lengthOf(value) !== length)
      throw new UserError(`--set ${field}: the run's own had ${length} characters, this one has ${lengthOf(value)}. Nothing was written.`);
    return [field, value ?? kept.set[field as Field] ?? '…'] as const;
  });
  const isNameKnown = kept.noteConstants.name === undefined || given.name !== undefined;
  return { set: { ...kept.set, ...Object.fromEntries(again) }, isNameKnown };
}

/** Of a constant with cells in it the columns: those of a text say which note a row is. */
function columnsOnly(field: string, value: string): readonly (readonly [string, string])[] {
  const columns = placeholdersOf(value);
  return columns.length === 0 ? [] : [[field, `…${columns.map((column) => `{${column}}`).join('')}`]];
}

export function isOfNote(field: string): boolean {
  return field === 'name' || field === 'text';
}

/** In code points, as the API counts. */
export function lengthOf(value: string): number {
  return [...value].length;
}
