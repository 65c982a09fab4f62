import { listProfiles } from '../../profiles.js';
import { profilesText } from '../../report/profiles-text.js';
import { EXIT } from '../exit-codes.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import profiles`. */
export async function profilesCommand({ io, values }: Call): Promise<number> {
  const { json } = resolveScreenOptions(values);
  const profiles = listProfiles();
  io.stdout.write(json ? `${JSON.stringify({ profiles })}\n` : profilesText(profiles));
  return EXIT.done;
}
