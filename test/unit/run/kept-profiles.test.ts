import { describe, expect, it } from 'vitest';
import { KNOWN_PROFILES } from '../../../src/map/known-profiles.js';
import { parseProfile } from '../../../src/map/profile.js';
import { keptProfiles, profilesAgain } from '../../../src/run/kept-profiles.js';

const own = parseProfile({
  id: 'mine',
  title: 'Mine',
  columns: { contactId: ['Client'], text: ['Said'] },
  set: { name: ['Secret of {Day}', 'Secret'], subOrg: ['north'] },
  whenBlank: { text: ['Secret, {Day} and {Who}'] },
}).profile!;

const again = (kept: unknown) => profilesAgain(JSON.parse(JSON.stringify(kept)));

describe('what the ledger keeps of profiles', () => {
  it('is all of those that come with the program', () => {
    const [known] = KNOWN_PROFILES;
    expect(again(keptProfiles([known!, null]))).toEqual({ profile: [known, 'none'], isNameKnown: true });
  });

  it("is of somebody's own all but the texts of notes: their columns only", () => {
    const kept = keptProfiles([own]);
    expect(JSON.stringify(kept)).not.toContain('Secret');
    const { profile, isNameKnown } = again(kept)!;
    expect(isNameKnown).toBe(false);
    expect(profile).toEqual([{ ...own, set: { name: ['…{Day}', '…'], subOrg: ['north'] }, whenBlank: { text: ['…{Day}{Who}'] } }]);
  });

  it('is nothing in ledgers of earlier versions, and refused where it is something else', () => {
    expect(profilesAgain(undefined)).toEqual({ profile: [], isNameKnown: true });
    for (const wrong of ['none', [7], [{ id: 'x' }], null]) expect(profilesAgain(wrong)).toBeNull();
  });
});
