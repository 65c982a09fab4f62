import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../../src/model.js';
import { reportPage } from '../../../src/report/page.js';
import { emptyCounts } from '../../../src/report/summary.js';
import { fullPage } from '../../support/page-input.js';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><style>*{display:none}',
  '<!--',
  ']]><svg onload=alert(1)>',
  'javascript:alert(1)',
  '&lt;b&gt;&amp;',
  '\u202egnp.exe\u2066',
  '\u0000\u001b[31m\u009b31m\u0085\u2028',
  'שלום <b>עולם</b> محمد',
  '\ud800 lone',
  '`back`',
];
const anyText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(fc.constantFrom('<', '>', '"', "'", '&', '`', '=', '/', 'script', ' on', '\u202e', '\0', ']]>', '--', '\n'), { maxLength: 30 })
    .map((parts) => parts.join('')),
);

/** Every tag, with the names of its attributes. Quoted values hold no `<` and no `>`. */
function tagsOf(page: string): string[] {
  const withoutStyle = page.replace(/<style>.*?<\/style>/s, '');
  return [...withoutStyle.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, '=')).filter((tag) => !/^<\/?span>$/.test(tag));
}

describe('report.html', () => {
  test('is the same markup whatever the input and the API say: no element and no attribute comes from them', async () => {
    const plain = tagsOf(await reportPage(fullPage('plain')));
    const short = tagsOf(await reportPage(withoutCharts('plain')));
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const page = await reportPage(withoutCharts(text));
        expect(tagsOf(page)).toEqual(short);
        // Nothing that deceives a reader or a terminal.
        expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
      { numRuns: 200 },
    );
    expect(plain.length).toBeGreaterThan(400);
    expect(plain.filter((tag) => /^<(script|iframe|object|embed|form|base)\b| style=| on\w+=/i.test(tag))).toEqual([]);
  });

  test('has a policy that allows its own style and nothing else', async () => {
    const page = await reportPage(fullPage('plain'));
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'");
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; img-src data:; base-uri 'none'; form-action 'none'$/);
    expect(page.match(/<style/g)).toHaveLength(1);
    expect(page).not.toMatch(/url\((?!#)|@import|https?:\/\/(?!api\.callers\.ai)/);
  });

  test('says first whether it worked, then what to do next with its command, then where every row went', async () => {
    const page = await reportPage(fullPage('notes.csv'));
    expect(page).toContain('<h1>It stopped early: 10,007,071 rows were settled before that, 2,640 of them failed.</h1>');
    const headings = [...page.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, title]) => title);
    expect(headings.slice(0, 4)).toEqual(['What to do next', 'Where the rows went', 'What failed', 'Contacts that are missing']);
    expect(textOf(page)).toContain("memory-import import notes.csv --set 'name=…'");
    expect(textOf(page)).toContain("Put the run's own values where … stands");
    expect(textOf(page)).toMatch(
      /10,007,071 rows = 9,876,543 created \+ 12 recovered \+ 123,456 imported before \+ 4,321 duplicates \+ 99 filtered \+ 2,640 failed/,
    );
  });

  test('gives the missing contacts as a list to download, guarded against formulas', async () => {
    const page = await reportPage(fullPage('=cmd|x'));
    const csv = decodeURIComponent(/href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(page)?.[1] ?? '');
    expect(csv.split('\n').slice(0, 3)).toEqual(['contactId,subOrg,rows', "'=cmd|x,'=cmd|x,30", 'C-0,,1']);
    expect(textOf(page)).toContain("45 contacts aren't in Callers, and 160 rows were meant for them.");
    expect(textOf(page)).toContain('100 rows of others');
  });

  test.each([
    [0, 'completed', 'The input has no rows.'],
    [1, 'completed', 'The one row is in Callers.'],
    [10_000_000, 'completed', 'All 10,000,000 rows are in Callers.'],
    [0, 'interrupted', 'It was interrupted before the first row.'],
    [0, 'stopped', 'It stopped before the first row.'],
  ] as const)('of %i rows, %s, says: %s', async (rows, status, sentence) => {
    const run = { status, reason: null, counts: { ...emptyCounts(), rows, created: rows }, surplus: [], durationMs: 0, rowsPerSecond: 0 };
    const { timeline } = fullPage('').facts!;
    const empty = { ...timeline, durationMs: 3, created: [rows], known: [0], failed: [0], pauses: [] };
    const page = await reportPage(fullPage('a.csv', { run, facts: { timeline: empty, missing: { listed: [], total: 0 } } }));
    expect(page).toContain(`<h1>${sentence}</h1>`);
    expect(page).not.toContain('What failed');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('says of each class how many, why and what to do, and of the run its requests, inputs and options', async () => {
    const page = await reportPage(fullPage('C-7'));
    const text = textOf(page.replace(/<\/(?:dt|dd|h3|p|li|th|td|span|tr|summary)>/g, ' '));
    expect(text).toMatch(/not_found\s+160 rows\s+No such contact: mend the contactId, or add the contact first\.\s+25 C-7 \(for example\)/);
    for (const [i, name] of FAILURE_CLASSES.entries())
      expect(text).toMatch(new RegExp(`${name}\\s+${40 * (i + 1)} rows\\s+[A-Z].*[.?]\\s+25 C-7`));
    for (const [name, value] of [
      ['Creates sent', '9,900,000'],
      ['of these again, after a failure', '321'],
      ['Answers that asked for patience \\(429\\)', '54'],
      ['Rows recovered after a lost answer', '12'],
      ['95 of 100 within', '80 ms'],
      ['--base-url', 'https://api\\.callers\\.ai/'],
      ['--map', 'text=C-7'],
    ])
      expect(text).toMatch(new RegExp(`${name}\\s+${value}(?!\\S)`));
    expect(text).toMatch(/C-7\s+1\.2 MB\s+(?:ab12){16}\s/);
    expect(text).toMatch(/standard input\s+—\s+not known: it was not read to its end/);
    // What is drawn is said too: how fast, and why nothing went on, for how long.
    expect(text).toMatch(/Fastest .* after the start, with \d+ rows\/s\./);
    expect(text).toMatch(/could not be reached, or failed for everyone\s+1\s+14 s/);
    expect(text).toMatch(/asked for patience \(429\), and nothing else came through\s+1\s+4\.0 s/);
  });

  test('of a run whose ledger has only its summary says what is not known', async () => {
    const page = await reportPage({ ...fullPage('a.csv'), facts: null });
    expect(textOf(page)).toContain('The ledger has no course of this run: it was made by an earlier version.');
    expect(textOf(page)).toContain('The ledger has no reasons of this run');
    expect(page).not.toMatch(/NaN|undefined/);
  });

  test('draws the course twice, for a desk and for a phone, without a style of its own', async () => {
    const page = await reportPage(fullPage('a.csv'));
    expect(page.match(/class="chart broad"/g)).toHaveLength(3);
    expect(page.match(/class="chart narrow"/g)).toHaveLength(3);
    for (const color of ['fill-created', 'fill-failed', 'fill-outage', 'fill-patience', 'stroke-slow', 'fill-refused'])
      expect(page).toContain(`class="${color}`);
    expect(page.length).toBeLessThan(120_000);
  });
});

/** Nothing of a stranger's is in a chart, and drawing takes time. */
function withoutCharts(text: string) {
  return fullPage(text, { facts: { timeline: { ...fullPage('').facts!.timeline, durationMs: 10 } } });
}

function textOf(page: string): string {
  return page.replace(/<[^>]*>/g, '').replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
