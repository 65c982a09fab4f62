import type { ScenarioResult } from '../results.js';
import { lineCells, lineHead, TARGET_HEAD, targetCells, textTable } from './table.js';

/** A scenario's result for a terminal. */
export function resultText(result: ScenarioResult): string {
  const { title, setting, lines, base, targets, remarks, problems } = result;
  const parts = [`${title}\n${'='.repeat(title.length)}\n${setting}`];
  if (lines.length > 0)
    parts.push(
      textTable(
        lineHead(result),
        lines.map((line) => lineCells(line, base)),
      ),
    );
  if (targets.length > 0)
    parts.push(
      textTable(
        TARGET_HEAD,
        targets.map((target) => targetCells(target).map((cell) => cell.replaceAll('*', ''))),
      ),
    );
  if (remarks.length > 0) parts.push(remarks.join('\n'));
  if (problems.length > 0) parts.push(`WRONG:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}
