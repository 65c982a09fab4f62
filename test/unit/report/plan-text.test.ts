import { expect, test } from 'vitest';
import type { Plan } from '../../../src/model-plan.js';
import { planText } from '../../../src/report/plan-text.js';

test('a plan shows nothing of a file’s name that a terminal obeys', () => {
  const name = '\u001b]0;x\u0007no\u001b[2J\r\u202etes.csv';
  const plan = {
    inputs: [name, 'other.csv'],
    counts: { rows: 1, toCreate: 0, toLookFor: 0, alreadyImported: 0, changed: 0, duplicate: 0, failed: 1, failures: { invalid: 1 } },
    distinct: { contacts: 1, subOrgs: 0, unknownContacts: 0 },
    readAs: (['found', 'would_fit'] as const).map((how) => ({ input: name, profile: 'mine', title: name, how, hints: [name] })),
    longest: { name: 1, text: 1 },
    ledger: { path: `${name}.db`, exists: true },
    expected: [],
    examples: [{ class: 'invalid', row: `${name}:1`, line: 2, message: `text: empty ${name}` }],
    findings: [
      { finding: 'mojibake', row: `${name}:1`, line: 2, column: name, count: 1, message: name, corrupting: true, accepted: false },
    ],
    refusedFor: ['mojibake'],
    warnings: [name],
    stoppedBecause: `${name}: row 2: a quote never closes`,
  } as unknown as Plan;
  const text = planText(plan);
  expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  expect(text).toContain('Reading ended early');
  expect(text).toContain('text: empty');
});
