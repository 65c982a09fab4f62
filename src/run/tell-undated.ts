import type { Emit } from '../model.js';
import type { ResolvedOptions } from '../options.js';
import { formatCount } from '../report/format.js';
import type { Intake } from './intake.js';

/** Says, once, of how many rows `--since` could tell nothing: they were taken, since a note too many is known and one too few is lost. */
export function tellUndated(intake: Pick<Intake, 'inputs'>, { since }: Pick<ResolvedOptions, 'since'>, emit: Emit): void {
  const count = undatedRows(intake);
  if (count === 0) return;
  const rows = count === 1 ? '1 row has' : `${formatCount(count)} rows have`;
  const message = `${rows} no date in "${since?.column}" that --since can read (such as 2026-11-20 or 2026-11-20 08:00): taken, not left out.`;
  emit({ type: 'warning', code: 'undated_rows', message });
}

export function undatedRows({ inputs }: Pick<Intake, 'inputs'>): number {
  return inputs.reduce((sum, { undated }) => sum + undated(), 0);
}
