import { type DoctorCheck, doctor } from '../../doctor.js';
import { EXIT } from '../exit-codes.js';
import { toImportOptions } from '../import-options.js';
import type { Call } from '../io.js';
import { resolveScreenOptions } from '../screen-options.js';

/** `memory-import doctor`: 0 if an import could start (warnings allowed), else 2. */
export async function doctorCommand(call: Call): Promise<number> {
  const { json } = resolveScreenOptions(call.values);
  const { checks } = await doctor(toImportOptions(call), { env: call.io.env });
  const ok = checks.every((check) => check.ok !== false);
  call.io.stdout.write(json ? `${JSON.stringify({ ok, checks })}\n` : `${checks.map(line).join('\n')}\n`);
  return ok ? EXIT.done : EXIT.couldNotStart;
}

function line({ name, ok, message }: DoctorCheck): string {
  const word = ok === true ? 'ok' : ok === 'warning' ? 'warning' : 'failed';
  return `${word.padEnd(8)} ${name.padEnd(8)} ${message}`;
}
