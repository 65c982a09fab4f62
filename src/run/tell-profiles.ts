import type { ImportEvent } from '../model.js';
import type { ReadAs } from '../model-plan.js';
import { inputGroups } from '../report/input-groups.js';
import type { Intake } from './intake.js';

/** How each input is read, where a profile has a say in it. */
export function readAs({ inputs }: Pick<Intake, 'inputs'>): readonly ReadAs[] {
  return inputs.flatMap(({ csv, reading: { profile, isFound, alsoFits } }): ReadAs[] => {
    const input = csv.source.path;
    if (profile !== null)
      return [{ input, profile: profile.id, title: profile.title, how: isFound ? 'found' : 'asked_for', hints: profile.hints }];
    return alsoFits === null ? [] : [{ input, profile: alsoFits.id, title: alsoFits.title, how: 'would_fit', hints: [] }];
  });
}

/** What nobody asked for is said: a profile that was found, and one that was not taken. */
export function tellProfiles(intake: Pick<Intake, 'inputs'>, emit: (event: ImportEvent) => void): void {
  for (const { first, names: input } of inputGroups(readAs(intake), ({ profile, how }) => `${how} ${profile}`)) {
    const { profile, title, how } = first;
    if (how === 'found') {
      const message = `${input}: read as ${profile} (${title}). --profile none turns this off; 'memory-import profiles show ${profile}' says what it does.`;
      emit({ type: 'warning', code: 'profile_found', message });
    }
    if (how === 'would_fit') {
      const message = `${input}: its columns are clear by their names. It would fit the profile ${profile}, too: --profile ${profile} uses it, --profile none ends this word.`;
      emit({ type: 'warning', code: 'profile_would_fit', message });
    }
  }
}
