import { UserError } from '../errors.js';
import { applyProfile, type InputRules, isRecognised, lacking, plainRules, type RulesOptions } from './apply-profile.js';
import { type ColumnPlan, columnsError, hasNeededColumns, matchColumns } from './columns.js';
import { canonicalHeader, FIELD_NAMES, showHeader, showHeaders } from './header-names.js';
import { KNOWN_PROFILES } from './known-profiles.js';
import type { Profile } from './profile.js';

/** `--profile`: found from the header, none, or this one. */
export type ProfileChoice = 'auto' | 'none' | Profile;

interface HeaderOptions extends RulesOptions {
  readonly profile: ProfileChoice;
}

/** How an input is read, told by its header. */
export interface HeaderReading {
  readonly plan: ColumnPlan;
  readonly rules: InputRules;
  readonly profile: Profile | null;
  /** The profile was found from the header: nobody asked for it. */
  readonly isFound: boolean;
  /** Columns of the usual names settle the header, and this profile would fit too. */
  readonly alsoFits: Profile | null;
}

/** @throws UserError where the columns don't say what each note is, or the profile that was asked for doesn't fit */
export function readHeader(header: readonly string[], path: string, options: HeaderOptions): HeaderReading {
  const { profile, rules, problems } = choose(header, options);
  if (problems.length > 0) throw new UserError(misfit({ header, path, profile, problems }));
  const plan = planned(header, path, { rules, profile }, options);
  const isFound = profile !== null && options.profile === 'auto';
  const alsoFits = profile === null ? (fitting(header, options)[0] ?? null) : null;
  return { plan, rules, profile, isFound, alsoFits };
}

/** True if the header can be read, or fails for a reason that no other delimiter mends. */
export function isHeader(header: readonly string[], options: HeaderOptions): boolean {
  const { rules, problems } = choose(header, options);
  if (problems.length > 0) return false;
  return hasNeededColumns(header, rules.columns) || fitting(header, options).length > 1;
}

/** What keeps a header from being read, with the profile that comes near. */
export function headerError(header: readonly string[], path: string, options: HeaderOptions): UserError {
  try {
    readHeader(header, path, options);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  return new UserError(`${path}: its header can't be understood.`);
}

interface Choice {
  readonly profile: Profile | null;
  readonly rules: InputRules;
  readonly problems: readonly string[];
}

function choose(header: readonly string[], options: HeaderOptions): Choice {
  if (typeof options.profile === 'object') return { profile: options.profile, ...applyProfile(options.profile, header, options) };
  const rules = plainRules(options);
  const plain: Choice = { profile: null, rules, problems: [] };
  if (columnsError({ header, path: '', ...rules.columns }) === null) return plain;
  const [only, ...more] = fitting(header, options);
  if (only === undefined || more.length > 0) return plain;
  return { profile: only, ...applyProfile(only, header, options) };
}

/** Every profile that the header fits, where one is looked for at all. */
function fitting(header: readonly string[], options: HeaderOptions): readonly Profile[] {
  // Whoever names columns has said what the file is.
  if (options.profile !== 'auto' || Object.keys(options.map).length > 0 || options.address === 'phoneNumber') return [];
  const there = new Set(header.map(canonicalHeader));
  // A condition of the user's that names no column is told as such, and hides no profile.
  const unconditional = { ...options, filter: [], since: null };
  return KNOWN_PROFILES.filter((profile) => {
    if (!isRecognised(profile, there)) return false;
    const { rules, problems } = applyProfile(profile, header, unconditional);
    return problems.length === 0 && columnsError({ header, path: '', ...rules.columns }) === null && !hasOtherContactId(header, rules);
  });
}

/** A column with the contact ids of Callers, which somebody has added to the export: only the user knows which of the two is meant. */
function hasOtherContactId(header: readonly string[], { columns }: InputRules): boolean {
  const usual = new Set(FIELD_NAMES.contactId.map(canonicalHeader));
  return header.some((cell) => usual.has(canonicalHeader(cell)) && cell !== columns.map.contactId);
}

function planned(
  header: readonly string[],
  path: string,
  { rules, profile }: Pick<Choice, 'rules' | 'profile'>,
  options: HeaderOptions,
): ColumnPlan {
  try {
    return matchColumns({ header, path, ...rules.columns });
  } catch (error) {
    const advice = options.profile === 'auto' && profile === null ? adviceFor(header, options) : null;
    throw error instanceof UserError && advice !== null ? new UserError(`${error.message}\n  ${advice}`) : error;
  }
}

function adviceFor(header: readonly string[], options: HeaderOptions): string | null {
  const several = fitting(header, options);
  if (several.length > 1) return `it could be ${several.map(({ id }) => id).join(' or ')}; say which with --profile ${several[0]?.id}`;
  if (Object.keys(options.map).length > 0) return null;
  const there = new Set(header.map(canonicalHeader));
  const [near] = KNOWN_PROFILES.map((profile) => ({ profile, lacks: lacking(profile, there) }))
    .map(({ profile, lacks }) => ({ profile, lacks, share: 1 - lacks.length / Math.max(1, profile.recognisedBy.length) }))
    .filter(({ profile: { recognisedBy }, share }) => share > 0.5 || (share === 0.5 && recognisedBy.length === 2))
    .sort((a, b) => b.share - a.share);
  if (near === undefined) return null;
  const { profile, lacks } = near;
  const what = `it comes near the profile ${profile.id} (${profile.title})`;
  if (lacks.length === 0) return `${what}; --profile ${profile.id} uses it`;
  const hint = profile.hints[0] === undefined ? '' : `. ${profile.hints[0]}`;
  return `${what}, but lacks ${lacks.map(showHeader).join(' and ')}${hint}`;
}

function misfit(told: Pick<Choice, 'profile' | 'problems'> & { readonly header: readonly string[]; readonly path: string }): string {
  const { header, path, profile, problems } = told;
  const lines = problems.map((problem) => `  ${problem}\n`).join('');
  const way = `  what the profile looks for: memory-import profiles show ${profile?.id}; a column by another name: --map field="Header"`;
  return `${path}: it isn't what the profile ${profile?.id} describes.\n${lines}${way}\n  headers seen: ${showHeaders(header)}`;
}
