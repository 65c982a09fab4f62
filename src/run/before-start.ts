import { UserError } from '../errors.js';
import { isLoopback } from '../loopback.js';
import type { Finding, LargeImport } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { requireDiskSpace } from './disk-space.js';
import { lookForDamage } from './first-look.js';
import type { Intake } from './intake.js';
import { MANY_ROWS, type Survey, surveyInputs } from './survey.js';

/**
 * What can be known to go wrong, or to be a mistake, before anything is sent or written.
 * @param confirm asked about an import of more than 1,000 rows, or of unknown size, into a host that isn't loopback
 * @returns what was found in the first rows and is only told
 * @throws UserError where it isn't started
 */
export async function checkBeforeStart(options: {
  readonly resolved: ResolvedOptions;
  readonly intake: Intake;
  readonly confirm?: ((large: LargeImport) => Promise<boolean>) | undefined;
}): Promise<readonly Finding[]> {
  const { resolved, intake, confirm } = options;
  const findings = await lookForDamage(resolved, intake);
  const survey = await surveyInputs(resolved, intake);
  requireDiskSpace(resolved, survey);
  if (confirm === undefined || isLoopback(resolved.baseUrl.hostname) || !isLarge(survey, resolved.limit)) return findings;
  const isWanted = await confirm({
    baseUrl: resolved.baseUrl.href,
    inputs: resolved.inputs,
    rows: survey?.toSend ?? null,
    subOrgs: survey?.subOrgs ?? [],
    seen: survey?.seen ?? 0,
  });
  if (!isWanted) throw new UserError('Not imported, since the answer was not yes. Nothing was sent.');
  return findings;
}

function isLarge(survey: Survey | null, limit: number | null): boolean {
  if (survey === null) return limit === null || limit > MANY_ROWS;
  return survey.toSend.count > MANY_ROWS;
}
