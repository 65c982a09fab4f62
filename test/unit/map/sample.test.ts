import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { matchColumns } from '../../../src/map/columns.js';
import { createMapper } from '../../../src/map/mapper.js';

// The demo's numbers come from this file: a change of the sample must be seen here, not in somebody's terminal.
describe('samples/crm-notes.csv', () => {
  const [header = [], ...rows] = parse(readFileSync('samples/crm-notes.csv'), { relax_column_count: true });
  const map = createMapper({ plan: matchColumns({ header, path: 'sample', map: {}, set: {}, idColumn: null }), defaultSubOrg: null });
  const input = { index: 0, path: 'sample', header, delimiter: ',', encoding: 'utf-8', isFailuresFile: false };
  const readable = rows.filter((cells) => cells.length === header.length);
  const mapped = readable.flatMap((cells, index) =>
    map({ kind: 'record', input, row: index + 1, line: 0, cells, bytes: 0, occurrence: null, target: 0 }),
  );
  const drafts = mapped.flatMap((result) => (result.kind === 'mapped' ? [result.draft] : []));

  it('has a few rows for each thing that can become of one', () => {
    const refused = drafts.filter(({ contactId }) => !/^[A-Za-z0-9._@:+-]{1,64}$/.test(contactId));
    const missing = drafts.filter(({ contactId }) => ['C-1999', 'C-2000', 'C-2001'].includes(contactId));
    const foreign = drafts.filter(({ subOrg }) => subOrg === 'so-elsewhere');
    const distinct = new Set(drafts.map(({ fingerprint }) => fingerprint)).size;
    expect({
      rows: rows.length,
      malformed: rows.length - readable.length,
      invalid: readable.length - drafts.length,
      bad_request: refused.length,
      not_found: missing.length,
      forbidden: foreign.length,
      duplicate: drafts.length - distinct,
      created: distinct - refused.length - missing.length - foreign.length,
    }).toEqual({ rows: 307, malformed: 4, invalid: 6, bad_request: 5, not_found: 8, forbidden: 3, duplicate: 4, created: 277 });
  });

  it('has some 80 contacts, several scripts, line breaks, quotes and cells that a spreadsheet would run', () => {
    expect(new Set(drafts.map(({ contactId }) => contactId)).size).toBe(87);
    const texts = drafts.map(({ text }) => text);
    for (const what of [
      /\p{Script=Greek}/u,
      /\p{Script=Han}/u,
      /\p{Script=Arabic}/u,
      /\p{Script=Devanagari}/u,
      /\p{Emoji_Presentation}/u,
      /\n/,
      /"/,
      /^=/,
      /^\+/,
      /^-/,
      /^@/,
    ]) {
      expect(texts.some((text) => what.test(text))).toBe(true);
    }
  });
});
