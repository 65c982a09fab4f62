import { type Profile, type ProfileText, parseProfile } from './profile.js';
import { HUBSPOT } from './profiles-hubspot.js';
import { OTHERS } from './profiles-others.js';
import { SALESFORCE } from './profiles-salesforce.js';

/** The profiles that come with the program, as they are written down. */
export const KNOWN_PROFILE_TEXTS: readonly ProfileText[] = [...HUBSPOT, ...SALESFORCE, ...OTHERS];

/** The same, ready to use. */
export const KNOWN_PROFILES: readonly Profile[] = KNOWN_PROFILE_TEXTS.map((text) => {
  const { profile, problems } = parseProfile(text);
  if (profile === null) throw new Error(`the profile ${text.id} is wrong: ${problems.join('; ')}`);
  return profile;
});
