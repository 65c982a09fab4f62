import { rewriteReports } from '../../rewrite-reports.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';

/** `memory-import report <run>`: the files that it wrote on stdout, one a line; what it couldn't write on stderr. */
export async function reportCommand({ io, args, values }: Call): Promise<number> {
  const { files, notes } = await rewriteReports(args[0] ?? '', toImportOptions({ args: [], values }), { env: io.env });
  for (const note of notes) io.stderr.write(`${note}\n`);
  // `RunFiles` names only what is there.
  for (const path of Object.values(files)) io.stdout.write(`${path}\n`);
  return EXIT.done;
}
