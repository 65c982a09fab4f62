import { UserError } from './errors.js';
import { KNOWN_PROFILE_TEXTS, KNOWN_PROFILES } from './map/known-profiles.js';
import { type Profile, type ProfileText, parseProfile } from './map/profile.js';
import { shorten } from './shorten.js';
import { readSmallFile } from './small-file.js';

export type { Profile } from './map/profile.js';

/** A CRM's export that the program knows, in short. */
export interface ListedProfile {
  readonly id: string;
  readonly title: string;
  /** How its columns came to be known: a file was read, the vendor's documents, importers written against files, or not verified. */
  readonly evidence: Profile['evidence'];
  /** Columns by which it is recognised, each by its first name. */
  readonly recognisedBy: readonly string[];
  readonly hints: readonly string[];
}

/** The CRM exports that come with the program. */
export function listProfiles(): readonly ListedProfile[] {
  return KNOWN_PROFILES.map(({ id, title, evidence, recognisedBy, hints }) => ({
    id,
    title,
    evidence,
    recognisedBy: recognisedBy.map(([name = '']) => name),
    hints,
  }));
}

/**
 * A profile as JSON has it: saved in a file and changed, `--profile` takes it.
 * @throws UserError where there is none of that id
 */
export function showProfile(id: string): ProfileText {
  const found = KNOWN_PROFILE_TEXTS.find((profile) => profile.id === id);
  if (found === undefined) throw new UserError(`'${shorten(id, 60)}' is no profile; there are ${PROFILE_IDS.join(', ')}.`);
  return found;
}

/** What `--profile` takes by name. */
export const PROFILE_IDS: readonly string[] = KNOWN_PROFILES.map(({ id }) => id);

/** Why a profile can't be had. `found` continues "expected a profile, found …". */
export type ProfileRefusal = { readonly kind: 'unknown' } | { readonly kind: 'unreadable' | 'wrong'; readonly found: string };

/** What `--profile` names: an id, `auto`, `none`, the path of a JSON file, or a profile itself. */
export function findProfile(given: unknown): { readonly profile: 'auto' | 'none' | Profile } | ProfileRefusal {
  if (given === 'auto' || given === 'none') return { profile: given };
  if (typeof given === 'object' && given !== null) return checked(given, 'it');
  if (typeof given !== 'string' || given.trim() === '') return { kind: 'unknown' };
  const known = KNOWN_PROFILES.find(({ id }) => id === given);
  if (known !== undefined) return { profile: known };
  return /[/\\.]/.test(given) ? fromFile(given) : { kind: 'unknown' };
}

function fromFile(path: string): ReturnType<typeof findProfile> {
  let content: unknown;
  try {
    content = JSON.parse(readSmallFile(path).replace(/^\uFEFF/, ''));
  } catch (error) {
    // What a parser says quotes the file, and a file named by mistake may be a key's.
    const reason =
      error instanceof SyntaxError
        ? `something else in ${shorten(path, 121)}${/ at position \d+/.exec(error.message)?.[0] ?? ''}`
        : (error as Error).message;
    return { kind: 'unreadable', found: shorten(reason, 200) };
  }
  return checked(content, shorten(path, 121));
}

const MOST_PROBLEMS = 8;

function checked(content: unknown, where: string): ReturnType<typeof findProfile> {
  const { profile, problems } = parseProfile(content);
  if (profile !== null) return { profile };
  const more = problems.length > MOST_PROBLEMS ? [`and ${problems.length - MOST_PROBLEMS} more`] : [];
  const lines = [...problems.slice(0, MOST_PROBLEMS).map((problem) => shorten(problem, 300)), ...more];
  return { kind: 'wrong', found: `in ${where}\n${lines.map((line) => `  ${line}`).join('\n')}` };
}
