import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { BENCH } from './paths.js';
import { limitsChart } from './report/limits-chart.js';
import { withResults } from './report/markdown.js';
import { ratesChart } from './report/rates-chart.js';
import type { RecordedResult, Results } from './results.js';
import { scenarios } from './scenarios/all.js';

/** Adds new results to those on record, and writes README and charts from all of them. What wasn't run now keeps what it had. */
export function record(results: Results): void {
  const file = join(BENCH, 'results.json');
  // Written by this function, and by nobody else.
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : {};
  const merged = { ...before, ...results };
  const ordered: Record<string, RecordedResult> = {};
  for (const { name } of scenarios) if (merged[name] !== undefined) ordered[name] = merged[name];
  writeFileSync(file, `${JSON.stringify(ordered, null, 2)}\n`);

  const charts: { readonly file: string; readonly says: string }[] = [];
  mkdirSync(join(BENCH, 'charts'), { recursive: true });
  const races = Object.entries(ordered).filter(([name]) => name.startsWith('latency-'));
  if (races.length > 0) {
    writeFileSync(join(BENCH, 'charts/rates.svg'), ratesChart(races.map(([, result]) => result)));
    charts.push({ file: 'charts/rates.svg', says: 'Rows a second of each contender, as in the tables below' });
  }
  const seconds = ordered['unknown-limit']?.seconds;
  if (seconds !== undefined) {
    writeFileSync(join(BENCH, 'charts/limits.svg'), limitsChart(seconds));
    charts.push({ file: 'charts/limits.svg', says: 'Creates and refusals in each second under unknown limits' });
  }
  const readme = join(BENCH, 'README.md');
  writeFileSync(readme, withResults(readFileSync(readme, 'utf8'), ordered, charts));
}

/** What ran it. */
export function machine(): string {
  const processors = cpus();
  return `${processors.length} cores (${processors[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, loopback`;
}
