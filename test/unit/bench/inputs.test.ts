import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, it } from 'vitest';
import { bodyOf, writeCsv, writeXargsList } from '../../../bench/inputs.js';
import { benchNotes } from '../../../bench/notes.js';

describe("the benchmark's notes", () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-bench-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const notes = [...benchNotes(5000)];

  it('are the same for the same seed, and others for another', () => {
    expect([...benchNotes(5000)]).toEqual(notes);
    const texts = new Set(notes.map(({ text }) => text));
    expect([...benchNotes(100, 2)].filter(({ text }) => texts.has(text))).toEqual([]);
  });

  it('all differ, fit the API, and stand ten to a contact, never beside each other', () => {
    expect(new Set(notes.map(bodyOf)).size).toBe(5000);
    expect(Math.max(...notes.map(({ text }) => text.length))).toBeLessThanOrEqual(5000);
    const contacts = notes.map(({ contactId }) => contactId);
    expect(new Set(contacts).size).toBe(500);
    expect(contacts.filter((contact, index) => contact === contacts[index + 1])).toEqual([]);
  });

  it('come out of the CSV file as they went in, quotes and line breaks too', async () => {
    const path = join(folder, 'notes.csv');
    await writeCsv(path, { rows: 5000, seed: 1 });
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/""|\n- /);
    expect(parse(text, { columns: true, record_delimiter: '\r\n' })).toEqual(notes);
  });

  it('are three arguments each for xargs', async () => {
    const path = join(folder, 'xargs.list');
    await writeXargsList(path, { rows: 100, url: 'http://127.0.0.1:1' });
    const words = readFileSync(path, 'utf8').split('\0');
    expect(words.slice(0, 3)).toEqual(['--data-raw', bodyOf(notes[0]!), expect.stringMatching(/^http:.*\/contacts\/C-\d+\/memories$/)]);
    expect(words).toHaveLength(301);
  });
});
