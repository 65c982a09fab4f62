import type { Estimate, LargeImport } from '../model-plan.js';
import { formatCount } from '../report/format.js';
import { cleanLine } from '../report/public-message.js';
import { canAsk, confirm } from './confirm.js';
import type { Io } from './io.js';

/** Asks the person at the terminal; where nobody is there (cron, a container, CI) a large import is what it was started for. */
export function askBeforeImport(io: Pick<Io, 'stdin' | 'stderr' | 'openTerminal'>): (large: LargeImport) => Promise<boolean> {
  return async (large) => {
    const question = questionOf(large);
    if (!large.inputs.includes('-')) return !canAsk(io) || confirm(io, question);
    // Notes typed or pasted at the terminal itself: an answer couldn't be told from them.
    if (io.stdin.isTTY === true || io.stderr.isTTY !== true) return true;
    const terminal = io.openTerminal();
    if (terminal === null) return true;
    try {
      return await confirm({ stdin: terminal, stderr: io.stderr }, question);
    } finally {
      terminal.destroy();
    }
  };
}

/** Two lines, so that host and rows stand where they are seen. */
export function questionOf({ baseUrl, inputs, rows, subOrgs, seen }: LargeImport): string {
  const from = inputs.length > 2 ? `${inputs.length} files` : inputs.map((path) => (path === '-' ? 'standard input' : path)).join(' and ');
  const where = subOrgText(subOrgs, rows?.precision === 'exact' ? null : seen);
  return `${rowText(rows)} of ${cleanLine(from)} would be sent to ${cleanLine(baseUrl)}\n(${where}). Import?`;
}

function rowText(rows: Estimate | null): string {
  if (rows === null) return 'An unknown number of rows';
  const count = `${formatCount(rows.count)} rows`;
  switch (rows.precision) {
    case 'exact':
      return count;
    case 'about':
      return `About ${formatCount(roundedOf(rows.count))} rows`;
  }
}

/** Two digits are as much as an estimate knows. */
function roundedOf(count: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.round(count / step) * step;
}

const SHOWN = 3;

function subOrgText(subOrgs: LargeImport['subOrgs'], seen: number | null): string {
  if (subOrgs.length === 0) return 'sub organizations as the rows name them';
  const named = subOrgs.filter((id) => id !== null);
  const rest = named.length - SHOWN;
  const names = [...named.slice(0, SHOWN).map(cleanLine), ...(rest > 0 ? [`${formatCount(rest)} more`] : [])];
  const parts = [
    ...(named.length > 0 ? [`sub organization${named.length > 1 ? 's' : ''} ${names.join(', ')}`] : []),
    ...(named.length < subOrgs.length ? [named.length > 0 ? 'and rows of none' : 'no sub organization'] : []),
  ];
  return `${parts.join(' ')}${seen === null ? '' : `, by the first ${formatCount(seen)} rows`}`;
}
