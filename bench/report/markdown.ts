import { whole } from '../format.js';
import type { RecordedResult, Results } from '../results.js';
import { lineCells, lineHead, markdownTable, TARGET_HEAD, targetCells } from './table.js';

const START = '<!-- results: written by npm run bench -- --write -->';
const END = '<!-- end of results -->';

/** Puts the results between the markers of a README. @throws Error where they are missing */
export function withResults(readme: string, results: Results, charts: readonly { readonly file: string; readonly says: string }[]): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start)
    throw new Error(`expected the lines "${START}" and "${END}" in bench/README.md; put them where the results belong`);
  return `${readme.slice(0, start + START.length)}\n\n${resultsMarkdown(results, charts)}\n${readme.slice(end)}`;
}

function resultsMarkdown(results: Results, charts: readonly { readonly file: string; readonly says: string }[]): string {
  const all = Object.values(results);
  const targets = all.flatMap((result) => result.targets);
  return [
    '### Targets',
    markdownTable(TARGET_HEAD, targets.map(targetCells)),
    ...charts.map(({ file, says }) => `![${says}](${file})`),
    ...all.map(scenarioMarkdown),
  ].join('\n\n');
}

function scenarioMarkdown(result: RecordedResult): string {
  const { title, setting, lines, base, remarks, problems, date, machine, command } = result;
  const rounds = lines[0]?.rounds;
  const parts = [
    `### ${title}`,
    `${setting} ${rounds === undefined ? '' : `${whole(rounds)} round${rounds === 1 ? '' : 's'}. `}${date}, ${machine}: \`${command}\``,
  ];
  if (lines.length > 0)
    parts.push(
      markdownTable(
        lineHead(result),
        lines.map((line) => lineCells(line, base)),
      ),
    );
  if (remarks.length > 0) parts.push(remarks.map((remark) => `- ${remark}`).join('\n'));
  if (problems.length > 0) parts.push(`**Wrong:**\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
  return parts.join('\n\n');
}
