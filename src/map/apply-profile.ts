import { FIELDS, type Field, type Filter } from '../fields.js';
import type { ColumnOptions } from './candidates.js';
import { canonicalHeader, showHeader } from './header-names.js';
import type { Profile } from './profile.js';

/** How one input is read: what the command line says, and where that is silent, what its profile says. */
export interface InputRules {
  readonly columns: ColumnOptions;
  readonly contactIds: ContactIdRules;
  readonly html: 'keep' | 'text';
  /** See `footer` of a profile. */
  readonly footer: readonly string[];
}

export interface ContactIdRules {
  /** null: a cell is one id, whatever is in it. */
  readonly separator: string | null;
  readonly empty: readonly string[];
  /** A regular expression; null: every id is a contact's. */
  readonly others: string | null;
  readonly prefix: string | null;
  readonly none: 'fail' | 'filter';
}

/** Without a profile a cell is one id, and a row without one fails. */
export const ONE_CONTACT: ContactIdRules = { separator: null, empty: [], others: null, prefix: null, none: 'fail' };

/** What the command line says that a profile may say too. */
export interface RulesOptions extends ColumnOptions {
  /** null: not said; `none`: a cell is one id. */
  readonly contactSeparator: string | null;
  /** null: not said. */
  readonly html: 'keep' | 'text' | null;
}

/** The rules of an input that has no profile. */
export function plainRules(options: RulesOptions): InputRules {
  const { map, set, idColumn, address = 'contactId', filter = [], since = null } = options;
  return {
    columns: { map, set, idColumn, address, filter, since },
    contactIds: { ...ONE_CONTACT, separator: separatorOf(options, null) },
    html: options.html ?? 'keep',
    footer: [],
  };
}

/** Puts a profile below what the command line says. `problems`: why it doesn't fit the header, one sentence each. */
export function applyProfile(
  profile: Profile,
  header: readonly string[],
  options: RulesOptions,
): { readonly rules: InputRules; readonly problems: readonly string[] } {
  const map: Partial<Record<Field, string>> = { ...options.map };
  const set: Partial<Record<Field, string>> = { ...options.set };
  const problems: string[] = [];
  const isSaid = (field: Field): boolean => options.map[field] !== undefined || options.set[field] !== undefined;
  for (const field of FIELDS) {
    // Whose contacts are known by phone number has no profile.
    if (isSaid(field) || field === 'phoneNumber') continue;
    const names = profile.columns[field] ?? [];
    const found = firstNamed(header, names);
    const templates = field === 'name' || field === 'subOrg' ? profile.set[field] : undefined;
    if (found.length === 1) map[field] = found[0]!;
    else if (found.length > 1)
      problems.push(`${field}: ${found.map(showHeader).join(' and ')} could be meant; rename all but one of them in the file`);
    else if (templates !== undefined) set[field] = fittingText(templates, header);
    else if (field !== 'subOrg') problems.push(`${field}: no column of that name (looked for ${names.map(showHeader).join(', ')})`);
  }
  const { contactIds, whenBlank } = profile;
  // Of a field that the profile settles, or the user has, columns of the usual names are no candidates any more.
  const settled = FIELDS.filter((field) => field !== 'subOrg' || map.subOrg !== undefined || set.subOrg !== undefined);
  return {
    rules: {
      columns: {
        map,
        set,
        idColumn: options.idColumn ?? firstNamed(header, profile.idColumn === undefined ? [] : [profile.idColumn])[0] ?? null,
        settled,
        whenBlank: {
          ...(whenBlank.name === undefined || isSaid('name') ? {} : { name: fittingText(whenBlank.name, header) }),
          ...(whenBlank.text === undefined || isSaid('text') ? {} : { text: fittingText(whenBlank.text, header) }),
        },
        filter: [...(options.filter ?? []), ...ownFilters(profile, header, options.filter ?? []), ...textFilter(profile, map.text)],
        since: options.since ?? null,
      },
      contactIds: {
        separator: separatorOf(options, contactIds.separator ?? null),
        empty: contactIds.empty,
        others: contactIds.others ?? null,
        prefix: contactIds.prefix ?? null,
        none: contactIds.none,
      },
      html: options.html ?? profile.html,
      footer: profile.footer,
    },
    problems,
  };
}

/** True if each column by which the profile is recognised is there. */
export function isRecognised(profile: Profile, there: ReadonlySet<string>): boolean {
  return profile.recognisedBy.length > 0 && lacking(profile, there).length === 0;
}

/**
 * Of the columns by which a profile is recognised those that a header lacks, each by its first name.
 * @param there the canonical names of the header
 */
export function lacking({ recognisedBy }: Profile, there: ReadonlySet<string>): readonly string[] {
  return recognisedBy.filter((names) => !names.some((name) => there.has(canonicalHeader(name)))).map(([name = '']) => name);
}

function separatorOf({ contactSeparator }: RulesOptions, ofProfile: string | null): string | null {
  if (contactSeparator === 'none') return null;
  return contactSeparator ?? ofProfile;
}

/** The header cells of the first name that is there: more than one where it stands several times. */
function firstNamed(header: readonly string[], names: readonly string[]): readonly string[] {
  for (const name of names) {
    const canonical = canonicalHeader(name);
    const found = header.filter((cell) => canonicalHeader(cell) === canonical);
    if (found.length > 0) return found;
  }
  return [];
}

const PLACEHOLDER = /\{([^{}]+)\}/g;

/** The first text whose columns are all there, named as the header names them. */
function fittingText(texts: readonly string[], header: readonly string[]): string {
  for (const text of texts) {
    const columns = [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => firstNamed(header, [name]));
    if (columns.some((found) => found.length !== 1)) continue;
    return text.replace(PLACEHOLDER, (_, name: string) => `{${firstNamed(header, [name])[0]}}`);
  }
  return (texts.at(-1) ?? '').replace(PLACEHOLDER, '').trim();
}

/** Whichever column the text is taken from, the user's too. */
function textFilter({ noText }: Profile, column: string | undefined): readonly Filter[] {
  return noText === 'filter' && column !== undefined ? [{ column, isNot: true, value: '' }] : [];
}

/** Those of columns that the file has, and of which the user says nothing. */
function ownFilters({ filter }: Profile, header: readonly string[], said: readonly Filter[]): readonly Filter[] {
  const saidOf = new Set(said.map(({ column }) => canonicalHeader(column)));
  return filter.flatMap((one) => {
    const [, name = '', isNot, value = ''] = /^([^=!]*)(!?)=(.*)$/s.exec(one) ?? [];
    const [column, ...more] = firstNamed(header, [name]);
    return column === undefined || more.length > 0 || saidOf.has(canonicalHeader(name)) ? [] : [{ column, isNot: isNot === '!', value }];
  });
}
