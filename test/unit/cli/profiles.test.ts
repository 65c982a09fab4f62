import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../../../src/cli/program.js';
import { OptionsError } from '../../../src/errors.js';
import { resolveOptions } from '../../../src/options.js';
import { PROFILE_IDS } from '../../../src/profiles.js';
import { fakeIo } from './fake-io.js';

async function run(...argv: string[]) {
  const { io, written } = fakeIo();
  const code = await runProgram({ argv, io });
  return { code, ...written };
}

function write(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'mine.json');
  writeFileSync(path, content);
  return path;
}

function profileOf(profile: unknown) {
  return resolveOptions({ inputs: ['a.csv'], apiKey: 'k', profile: profile as string }, {}).profile;
}

function refusal(profile: unknown): string {
  try {
    profileOf(profile);
  } catch (error) {
    if (error instanceof OptionsError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('memory-import profiles', () => {
  it('lists each with how well it is known, within 80 columns', async () => {
    const { code, stdout, stderr } = await run('profiles');
    expect([code, stderr]).toEqual([0, '']);
    for (const id of PROFILE_IDS) expect(stdout).toMatch(new RegExp(`^${id} +(read|documented|importers|unverified) +\\S`, 'm'));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(80);
  });

  it('lists them as JSON', async () => {
    const { profiles } = JSON.parse((await run('profiles', '--json')).stdout) as { profiles: { id: string; recognisedBy: string[] }[] };
    expect(profiles.map(({ id }) => id)).toEqual(PROFILE_IDS);
    expect(profiles.find(({ id }) => id === 'hubspot-notes')?.recognisedBy).toEqual(['Note body', 'Associated Contact IDs']);
  });

  it('shows one as JSON that --profile takes', async () => {
    for (const id of PROFILE_IDS) {
      const { code, stdout } = await run('profiles', 'show', id);
      expect(code).toBe(0);
      expect(profileOf(write(stdout))).toEqual(profileOf(id));
    }
  });

  it('says which there are, where there is none of that name', async () => {
    const { code, stdout, stderr } = await run('profiles', 'show', 'hubspot');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/'hubspot' is no profile; there are hubspot-notes, .*close-contacts/);
    expect((await run('profiles', 'shw')).code).toBe(2);
  });
});

describe('--profile', () => {
  it('takes an id, auto, none, a path, or what the file would hold', () => {
    expect([profileOf('auto'), profileOf('none'), profileOf(undefined)]).toEqual(['auto', 'none', 'auto']);
    const mine = { id: 'mine', title: 'Mine', columns: { contactId: ['a'], name: ['b'], text: ['c'] } };
    expect(profileOf(write(`\ufeff${JSON.stringify(mine)}`))).toMatchObject(mine);
    expect(profileOf(mine)).toMatchObject(mine);
  });

  it('refuses anything else, with the near one', () => {
    expect(refusal('hubspot-note')).toMatch(
      /^--profile: expected auto, none, the path of a JSON file or one of hubspot-notes.*"hubspot-note" \(did you mean hubspot-notes\?\)$/,
    );
    expect(refusal('./nowhere.json')).toMatch(/^--profile: expected a JSON file with a profile, as profiles show prints one, found ENOENT/);
    expect(refusal(7)).toMatch(/found 7/);
  });

  it('never shows what stands in a file that is none', () => {
    const path = write('sk-secret-key-of-somebody');
    expect(refusal(path)).toMatch(/found something else in .*mine\.json/);
    expect(refusal(path)).not.toContain('secret');
  });

  it('tells every mistake in a file with its place', () => {
    const message = refusal(write('{"id":"mine","title":"Mine","columns":{"contactId":"a","text":["c"]},"html":"no"}'));
    expect(message).toMatch(/^--profile: expected a profile, as profiles show prints one, found other things in .*mine\.json\n/);
    expect(message.split('\n').slice(1)).toEqual(['  columns.contactId: expected array, found string', '  html: expected "keep", "text"']);
  });
});

describe('--contact-separator', () => {
  const separator = (contactSeparator: string) => resolveOptions({ inputs: ['a.csv'], apiKey: 'k', contactSeparator }, {}).contactSeparator;

  it('takes what stands between ids', () => {
    expect([';', ' | ', 'none', '; '].map(separator)).toEqual([';', '|', 'none', ';']);
  });

  it.each(['', ' ', '"', 'a\nb', 'x'.repeat(11)])('refuses %j', (text) => {
    expect(() => separator(text)).toThrow(/--contact-separator: expected what stands between the ids of a cell, such as ";", or none/);
  });
});
