import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-specs.js';
import { toImportOptions } from '../../../src/cli/import-options.js';
import type { Call } from '../../../src/cli/io.js';
import { runProgram } from '../../../src/cli/program.js';
import { planImport } from '../../../src/plan.js';
import { PROFILE_IDS } from '../../../src/profiles.js';
import { fakeIo } from '../cli/fake-io.js';

const root = new URL('../../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const [, section = ''] = /#### The others\n([\s\S]*?)\n`evidence`/.exec(readme) ?? [];
const rows = section.split('\n').flatMap((line) => {
  const [, crm = '', how = '', known = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  const command = /`memory-import (.*)`/.exec(how)?.[1];
  return command === undefined ? [] : [{ crm, command, more: [...known.matchAll(/`(--[^`]*)`/g)].map(([, options = '']) => options) }];
});

/** What each example's inputs are here: the profile by which they shall be read, and how many notes they have for the list's contacts. */
const EXPECTED: Readonly<Record<string, readonly (readonly [profile: string, notes: number])[]>> = {
  'Salesforce, data export': [
    ['salesforce-note', 2],
    ['salesforce-task', 3],
    ['salesforce-event', 2],
  ],
  'Salesforce, cases': [['salesforce-case', 1]],
  'Salesforce, Data Loader': [['salesforce-event', 2]],
  'Salesforce, report': [['salesforce-report', 2]],
  'HubSpot, contacts': [['hubspot-contacts', 1]],
  Zoho: [['zoho-notes', 2]],
  Pipedrive: [['pipedrive-notes', 2]],
  'Dynamics 365': [['dynamics-notes', 2]],
  'Zendesk Sell': [['zendesk-sell-notes', 2]],
  'Intercom (ProdSight)': [['intercom-prodsight', 2]],
  Close: [['close-contacts', 2]],
};

describe('the README’s examples of exports', () => {
  it('are one for each CRM and each profile', () => {
    expect(rows.map(({ crm }) => crm)).toEqual(Object.keys(EXPECTED));
    const profiles = Object.values(EXPECTED).flatMap((inputs) => inputs.map(([id]) => id));
    expect(new Set(['hubspot-notes', ...profiles])).toEqual(new Set(PROFILE_IDS));
  });

  it.each(rows)('$crm: $command', async ({ crm, command, more }) => {
    const inputs = EXPECTED[crm] ?? [];
    const plan = await planOf(command, inputs);
    expect(plan.readAs.map(({ profile }) => profile)).toEqual(inputs.map(([id]) => id));
    expect(plan.counts.toCreate).toBe(inputs.reduce((sum, [, notes]) => sum + notes, 0));
    // What its last column advises is taken too.
    for (const options of more) expect((await planOf(`${command} ${options}`, inputs)).stoppedBecause).toBeNull();
  });
});

/** The example, with our own files in the place of its own. */
async function planOf(command: string, inputs: readonly (readonly [profile: string, notes: number])[]) {
  const calls: Call[] = [];
  const { io, written } = fakeIo();
  const noted = COMMANDS.map((spec) => ({
    ...spec,
    load: async () => async (call: Call) => {
      calls.push(call);
      return 0;
    },
  }));
  const words = [...command.matchAll(/((?:[^\s"]|"[^"]*")+)/g)].map(([word]) => word.replaceAll('"', ''));
  expect(await runProgram({ argv: words, io, commands: noted }), written.stderr).toBe(0);
  const options = toImportOptions(calls[0]!);
  expect(options.inputs).toHaveLength(inputs.length);
  const fixture = (name: string) => new URL(`test/fixtures/crm/${name}.csv`, root).pathname;
  const own = { inputs: inputs.map(([id]) => fixture(id)), contacts: fixture('contacts'), ledger: join(tmpdir(), 'no-such.db') };
  return planImport({ ...options, ...own }, { env: {} });
}
