import { expect, test } from 'vitest';
import { inputGroups } from '../../../src/report/input-groups.js';

test('what is to be said of several inputs is said once, with their names, or of many the first and how many more', () => {
  const parts = Array.from({ length: 20 }, (_, i) => ({ input: `export.zip/part-${i + 1}.csv`, profile: 'hubspot' }));
  const others = ['a.csv', 'b.csv', 'c.csv'].map((input) => ({ input, profile: 'zoho' }));
  const groups = inputGroups([parts[0]!, ...others, ...parts.slice(1)], ({ profile }) => profile);
  expect(groups.map(({ first, names }) => [first.profile, names])).toEqual([
    ['hubspot', 'export.zip/part-1.csv and 19 more'],
    ['zoho', 'a.csv, b.csv and c.csv'],
  ]);
  expect(inputGroups([parts[3]!], () => '').map(({ names }) => names)).toEqual(['export.zip/part-4.csv']);
  expect(inputGroups([], () => '')).toEqual([]);
});
