import { FAILURE_CLASSES, FAILURE_COUNT_NAMES } from '../model.js';
import type { Plan } from '../model-plan.js';
import { findingLine } from './finding-line.js';
import { formatCount, formatDuration } from './format.js';
import { inputGroups } from './input-groups.js';
import { cleanLine } from './public-message.js';

/** A plan for a person: what would happen, what would fail and where, how long it would take. */
export function planText(plan: Plan): string {
  const { counts, distinct, longest, ledger } = plan;
  // Names of files, of whatever characters, stand in all of these.
  const ledgerPath = cleanLine(ledger.path);
  const lines = [
    `Nothing was sent. An import of ${plan.inputs.map(cleanLine).join(', ')} would`,
    '',
    ...table([
      ['create', counts.toCreate, plan.memories > counts.toCreate ? `notes, as ${formatCount(plan.memories)} memories` : 'notes'],
      ['look for', counts.toLookFor, 'notes that an earlier run left in doubt'],
      [
        'skip',
        counts.alreadyImported,
        `imported already${counts.changed > 0 ? `, ${formatCount(counts.changed)} of them changed since` : ''}`,
      ],
      ['skip', counts.duplicate, 'duplicates of earlier rows'],
      ['leave out', counts.filtered, leftOut(plan)],
      ['fail', counts.failed, 'rows'],
    ]),
    '',
    `of ${formatCount(counts.rows)} rows, for ${formatCount(distinct.contacts)} contacts${distinct.subOrgs > 0 ? ` and ${formatCount(distinct.subOrgs)} sub organizations` : ''}.`,
    `Longest name ${formatCount(longest.name)} of 200 characters, longest text ${formatCount(longest.text)}${longest.text > 5000 ? ', cut at 5,000' : ' of 5,000'}.`,
    ...readAsLines(plan),
    ledger.exists ? `Ledger: ${ledgerPath}.` : `Ledger: ${ledgerPath}, which isn't there yet: nothing counts as imported.`,
  ];
  if (distinct.unknownContacts > 0)
    lines.push(
      `${formatCount(distinct.unknownContacts)} of the CRM's contacts ${distinct.unknownContacts === 1 ? "isn't" : "aren't"} in the list of --contacts; an import writes unknown-contacts.csv.`,
    );
  if (counts.toCreate > 0) {
    const times = plan.expected.map(
      ({ requestsPerSecond, seconds }) => `${formatDuration(seconds * 1000)} at ${formatCount(requestsPerSecond)}/s`,
    );
    lines.push(`Time to create: ${times.join(', ')}.`);
  }
  lines.push(...damageLines(plan), ...plan.warnings.flatMap((warning) => ['', cleanLine(warning)]));
  for (const failureClass of FAILURE_CLASSES) {
    const count = counts.failures[FAILURE_COUNT_NAMES[failureClass]];
    if (count === 0) continue;
    lines.push('', `${failureClass}: ${formatCount(count)}`);
    for (const example of plan.examples) {
      if (example.class === failureClass)
        lines.push(`  row ${cleanLine(example.row)} (line ${example.line}): ${cleanLine(example.message)}`);
    }
  }
  if (plan.undated > 0) lines.push('', `Rows without a date that --since can read: ${formatCount(plan.undated)}. They are taken.`);
  if (plan.stoppedBecause !== null) lines.push('', `Reading ended early: ${cleanLine(plan.stoppedBecause)}`);
  return `${lines.join('\n')}\n`;
}

function leftOut({ readAs }: Plan): string {
  const ids = [...new Set(readAs.filter(({ how }) => how !== 'would_fit').map(({ profile }) => profile))];
  return ids.length === 0 ? 'rows, as asked' : `rows: of no contact, deleted or alike, as ${ids.join(', ')} says`;
}

function readAsLines({ readAs, inputs }: Plan): readonly string[] {
  const isTheFile = inputs.length === 1 && readAs.length === 1 && readAs[0]?.input === inputs[0];
  // A title and hints may come from a file of somebody's.
  return inputGroups(readAs, ({ profile, how }) => `${how} ${profile}`).flatMap(({ first: { profile, title, how, hints }, names }) => {
    const name = isTheFile ? 'The file' : cleanLine(names);
    if (how === 'would_fit') return [`${name}: clear by the column names; would fit ${profile}, too: --profile ${profile} uses it.`];
    const off = how === 'found' ? ' --profile none turns this off.' : '';
    const begin = isTheFile ? `${name} is read` : `${name}: read`;
    return [`${begin} as ${profile} (${cleanLine(title)}).${off}`, ...hints.map((hint) => `  - ${cleanLine(hint)}`)];
  });
}

function damageLines({ findings, refusedFor }: Plan): string[] {
  if (findings.length === 0) return [];
  const lines = [
    '',
    'Damage check',
    ...findings.map((finding) => `  ${cleanLine(findingLine(finding))}${finding.accepted ? ' (accepted)' : ''}`),
  ];
  if (refusedFor.length === 0) return lines;
  return [
    ...lines,
    `An import isn't started with this in its first rows (exit 2). Export it anew, as CSV in UTF-8 that no spreadsheet has saved. If it is right as it is: --accept ${refusedFor.join(',')}`,
  ];
}

function table(rows: readonly (readonly [string, number, string])[]): string[] {
  const shown = rows.filter(([verb, count]) => count > 0 || verb === 'create');
  const width = Math.max(...shown.map(([, count]) => formatCount(count).length));
  return shown.map(
    ([verb, count, what]) =>
      `  ${verb.padEnd(Math.max(8, ...shown.map(([word]) => word.length)))}  ${formatCount(count).padStart(width)}  ${what}`,
  );
}
