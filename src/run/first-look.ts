import { StoppedError, UserError } from '../errors.js';
import type { SourceRow } from '../model.js';
import type { Finding } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { findingLine } from '../report/finding-line.js';
import { createFindings, FIRST_BYTES, FIRST_ROWS, type Findings } from './findings.js';
import { type Intake, openIntake } from './intake.js';
import { prepareInput } from './rows.js';

/** Of many inputs so many rows are looked at in all. */
const MOST_ROWS = 50_000;

/**
 * Looks at the first rows of each input for damage, before anything is sent. Of what can be read only once (standard input, a pipe) these
 * are the rows that came together with the header.
 * @param intake gives the same rows afterwards
 * @returns what was found that is only told
 * @throws UserError where something would be sent that isn't what the CRM had
 */
export async function lookForDamage(options: ResolvedOptions, intake: Intake): Promise<readonly Finding[]> {
  const beginning = intake.totalBytes === null ? intake : await openIntake(options, { contacts: intake.contacts });
  const findings = createFindings({ intake: beginning, accept: options.accept });
  try {
    await readBeginnings(beginning, options, findings);
  } catch (error) {
    // The run will stop at the same place, and say why.
    if (!(error instanceof StoppedError)) throw error;
  } finally {
    if (beginning !== intake) await beginning.close();
  }
  refuseDamage(findings.refused());
  return findings.list();
}

async function readBeginnings(intake: Intake, { limit }: Pick<ResolvedOptions, 'limit'>, findings: Findings): Promise<void> {
  let left = limit === null ? MOST_ROWS : Math.min(limit, MOST_ROWS);
  for (const input of intake.inputs) {
    let rows = 0;
    let bytes = 0;
    for await (const sources of firstRows(input, intake.totalBytes !== null)) {
      const batch = sources.slice(0, Math.min(left, FIRST_ROWS - rows));
      findings.add(batch.flatMap((source) => prepareInput(input, source, 0)));
      rows += batch.length;
      left -= batch.length;
      bytes += batch.reduce((sum, source) => sum + (source.kind === 'record' ? source.bytes : source.raw.length), 0);
      if (rows >= FIRST_ROWS || bytes >= FIRST_BYTES || left === 0) break;
    }
    if (left === 0) return;
  }
}

async function* firstRows({ csv, file, peek }: Intake['inputs'][number], isOpenedForThis: boolean): AsyncGenerator<readonly SourceRow[]> {
  if (isOpenedForThis || file.archive !== null) yield* csv.rows();
  else if (peek !== null) yield await peek();
}

/** @throws UserError where there are any */
function refuseDamage(refused: readonly Finding[]): void {
  if (refused.length === 0) return;
  const names = [...new Set(refused.map(({ finding }) => finding))];
  const shown = refused.slice(0, MOST_SHOWN).map((finding) => `  ${findingLine(finding)}\n`);
  const more = refused.length > shown.length ? `  … and ${refused.length - shown.length} more\n` : '';
  throw new UserError(
    `Not imported: something in the first rows isn't what the CRM had, and would be sent. Nothing was sent.\n${shown.join('')}${more}` +
      `  Export it anew, as CSV in UTF-8 that no spreadsheet has saved. If it is right as it is: --accept ${names.join(',')}`,
  );
}

const MOST_SHOWN = 10;
