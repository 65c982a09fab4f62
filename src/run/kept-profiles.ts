import { KNOWN_PROFILES } from '../map/known-profiles.js';
import { type Profile, parseProfile } from '../map/profile.js';
import type { ProfileChoice } from '../map/read-header.js';
import { placeholdersOf } from '../map/template.js';

type Kept = 'none' | Profile;

/**
 * What the ledger may keep of the profiles by which a run's inputs were read: all of those that come with the program, as they were, since a
 * later version may know the CRM better; of somebody's own all but the texts of notes, which nobody shall read in the ledger.
 */
export function keptProfiles(profiles: readonly (Profile | null)[]): readonly Kept[] {
  return profiles.map((profile) => (profile === null ? 'none' : KNOWN_PROFILES.includes(profile) ? profile : withoutTexts(profile)));
}

/** The profiles of a run that is read again; null where that isn't what `keptProfiles` gives. */
export function profilesAgain(kept: unknown): { readonly profile: readonly ProfileChoice[]; readonly isNameKnown: boolean } | null {
  // Runs of earlier versions had none.
  if (kept === undefined) return { profile: [], isNameKnown: true };
  if (!Array.isArray(kept)) return null;
  const profiles = kept.map((one) => (one === 'none' ? one : parseProfile(one).profile));
  if (!profiles.every((one) => one !== null)) return null;
  return {
    profile: profiles,
    isNameKnown: profiles.every((one) => one === 'none' || !textsOf(one).some((text) => text.startsWith(HIDDEN))),
  };
}

const HIDDEN = '…';

function withoutTexts(profile: Profile): Profile {
  const hide = (texts: string[] | undefined) =>
    texts?.map(
      (text) =>
        HIDDEN +
        placeholdersOf(text)
          .map((column) => `{${column}}`)
          .join(''),
    );
  const hidden = <T extends Readonly<Record<string, string[] | undefined>>>(texts: T): T =>
    // Of the same fields, those that are there.
    Object.fromEntries(Object.entries(texts).map(([field, all]) => [field, field === 'subOrg' ? all : hide(all)])) as T;
  return { ...profile, set: hidden(profile.set), whenBlank: hidden(profile.whenBlank) };
}

function textsOf({ set, whenBlank }: Profile): readonly string[] {
  return [set.name, whenBlank.name, whenBlank.text].flatMap((texts) => texts ?? []);
}
