import { showProfile } from '../../profiles.js';
import { EXIT } from '../exit-codes.js';
import type { Call } from '../io.js';

/** `memory-import profiles show <id>`: JSON that `--profile` takes. */
export async function profilesShowCommand({ io, args }: Call): Promise<number> {
  io.stdout.write(`${JSON.stringify(showProfile(args[0] ?? ''), null, 2)}\n`);
  return EXIT.done;
}
