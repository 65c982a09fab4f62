import { describe, expect } from 'vitest';
import type { CreatedBody, SandboxOptions, ScriptedAnswer, ScriptedRequest } from '../../src/sandbox/options.js';
import { test } from '../support/bench.js';
import { csvOf, csvText, makeNotes, type Note } from '../support/notes.js';
import { expectConservation, expectConverged, expectEachOnce, expectOrder } from '../support/promises.js';
import { failureRows, successRows } from '../support/reports.js';

// One fault, one note, and the numbers that must come out. Row 5 of twenty is the unlucky one; its contact is C-5, as row 15's is.
const NOTES: readonly Note[] = Array.from({ length: 20 }, (_, i) => ({
  contactId: `C-${(i % 10) + 1}`,
  name: `Note ${i + 1}`,
  text: `What was said in call ${i + 1}`,
}));
const UNLUCKY = NOTES[4]!;

/** Answers so the first `times` creates of the unlucky note. */
function unlucky(answer: ScriptedAnswer, times = 1): (request: ScriptedRequest) => ScriptedAnswer | undefined {
  return ({ method, name, repeat }) => (method === 'POST' && name === UNLUCKY.name && repeat < times ? answer : undefined);
}

/** Short only where it must pass: a machine that stands still for a moment must not lose an answer by itself. */
const timeoutFor = (answer: ScriptedAnswer): string => (String(answer).startsWith('hang') ? '4s' : '30s');

describe.concurrent('an answer is lost after the memory was made', () => {
  for (const answer of ['reset-after', '500-after', '502-after', '503-after', 'hang-after', { createLateMs: 250 }] as const) {
    test(`${JSON.stringify(answer)}: the row is recovered, by looking, and never sent again`, async ({ createBench }) => {
      const bench = await createBench({ answerWith: unlucky(answer) });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv', '--reconcile-wait', '3s', '--timeout', timeoutFor(answer)]);
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ rows: 20, created: 19, recovered: 1, failed: 0 });
      expect(result.summary.requests.sent).toBe(20);
      expect(result.summary.requests.reconciled).toBeGreaterThanOrEqual(1);
      expectConverged(bench.sandbox, NOTES);
      const [row] = successRows(bench.folder, result).filter(({ status }) => status === 'recovered');
      expect(row).toMatchObject({ row: '5', memoryId: bench.sandbox.memories().find(({ name }) => name === UNLUCKY.name)?.id });
    });
  }

  test('a list that shows it late is believed only after --reconcile-wait, so nothing is created twice', async ({ createBench }) => {
    const bench = await createBench({ answerWith: unlucky('reset-after'), lists: { lateMs: 2500 } });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--reconcile-wait', '10s']);
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ created: 19, recovered: 1 });
    expect(result.summary.requests.reconciled).toBeGreaterThan(1);
    expectConverged(bench.sandbox, NOTES);
  });

  const quirks: readonly { name: string; options: SandboxOptions }[] = [
    { name: 'whose clock is an hour ahead', options: { clockSkewMs: 3_600_000 } },
    { name: 'whose clock is an hour behind', options: { clockSkewMs: -3_600_000 } },
    { name: 'that trims, normalizes and changes line ends', options: { lists: { mangle: 'all' } } },
    { name: 'that lists the newest first', options: { lists: { newestFirst: true } } },
    { name: 'whose first lists fail', options: { lists: { failFirst: 3 } } },
  ];
  for (const { name, options } of quirks) {
    test(`a server ${name}: the row is recovered`, async ({ createBench }) => {
      const texts = NOTES.map((note) => ({ ...note, text: ` ${note.text}\r\ncafe\u0301 `, subOrg: 'so-1' }));
      const bench = await createBench({ ...options, answerWith: unlucky('reset-after') });
      // The same note, older: made by hand long ago, it answers for no row of ours.
      const { contactId, text, subOrg } = texts[4]!;
      const older = new Date(Date.now() + (options.clockSkewMs ?? 0) - 3_600_000);
      const seeded = bench.sandbox.seed(contactId, { name: UNLUCKY.name, text, subOrg, createdAt: older });
      bench.write(
        'notes.csv',
        csvText([['contactId', 'name', 'text', 'subOrg'], ...texts.map((note) => [note.contactId, note.name, note.text, note.subOrg])]),
      );
      bench.write('before.csv', 'contactId,name,text\nC-other,Before,So that the ledger is not empty\n');
      expect((await bench.import(['before.csv'])).code).toBe(0);
      const result = await bench.import(['notes.csv', '--reconcile-wait', '2s']);
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ created: 19, recovered: 1 });
      expect(result.summary.requests.sent).toBe(20);
      const recovered = successRows(bench.folder, result).find(({ status }) => status === 'recovered');
      expect(recovered?.memoryId).not.toBe(seeded.id);
      expect(bench.sandbox.memories()).toHaveLength(22);
    });
  }

  test('identical notes are counted: one memory answers for one row', async ({ createBench }) => {
    const same = { contactId: 'C-1', name: 'Call', text: 'Nobody there' };
    // The first is lost after it was made, the second before: one look must find it, the other must not.
    const bench = await createBench({
      answerWith: ({ repeat, method }) =>
        method !== 'POST' ? undefined : repeat === 0 ? 'reset-after' : repeat === 1 ? 'reset' : undefined,
    });
    bench.write('notes.csv', csvOf([same, same, same]));
    const result = await bench.import(['notes.csv', '--duplicates', 'create']);
    expect(result.code).toBe(0);
    expect(result.summary.counts).toMatchObject({ rows: 3, created: 2, recovered: 1 });
    expect(bench.sandbox.stats().created).toBe(3);
    expect(new Set(successRows(bench.folder, result).map(({ memoryId }) => memoryId)).size).toBe(3);
  });

  test('a list cut to one page proves nothing: the row stays in doubt, its later notes are held, and nothing is created twice', async ({
    createBench,
  }) => {
    const bench = await createBench({ answerWith: unlucky('reset-after'), lists: { pageSize: 10 } });
    for (let i = 0; i < 10; i++) bench.sandbox.seed('C-5', { name: `Earlier ${i}`, text: 'By hand', createdAt: '2026-01-01T00:00:00Z' });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(1);
    expect(result.summary.counts).toMatchObject({ created: 18, recovered: 0, failed: 2, failures: { inDoubt: 1, held: 1 } });
    const again = await bench.import(['notes.csv']);
    expect(again.summary.counts.failures).toMatchObject({ inDoubt: 1, held: 1 });
    expect(bench.sandbox.stats().duplicates).toBe(0);
  });

  test('where its list fails the row stays in doubt, and the next run finds it', async ({ createBench }) => {
    let broken = true;
    const bench = await createBench({
      // Of one contact: lists that fail for everyone are an outage, which is waited for.
      answerWith: (request) =>
        request.method === 'GET' && request.contactId === UNLUCKY.contactId && broken ? { status: 500 } : unlucky('500-after')(request),
    });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--retries', '1']);
    expect(result.code).toBe(1);
    expect(result.summary.counts).toMatchObject({ created: 18, failed: 2, failures: { inDoubt: 1, held: 1 } });
    expect(failureRows(bench.folder, result).map(({ _row, _class }) => [_row, _class])).toEqual([
      ['5', 'in_doubt'],
      ['15', 'held'],
    ]);
    broken = false;
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ rows: 20, alreadyImported: 18, recovered: 1, created: 1 });
    expectConverged(bench.sandbox, NOTES);
  });

  test('--in-doubt report leaves it to a person, and looks at nothing', async ({ createBench }) => {
    const bench = await createBench({ answerWith: unlucky('reset-after') });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--in-doubt', 'report']);
    expect(result.code).toBe(1);
    expect(result.summary.counts.failures).toMatchObject({ inDoubt: 1, held: 1 });
    expect(result.summary.requests.reconciled).toBe(0);
    expectOrder(bench.sandbox, NOTES);
  });

  test('--in-doubt resend sends again without looking: the duplicate that it risks is there', async ({ createBench }) => {
    const bench = await createBench({ answerWith: unlucky('reset-after') });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--in-doubt', 'resend']);
    expect(result.summary.counts).toMatchObject({ created: 20, recovered: 0 });
    expect(result.summary.requests.sent).toBe(21);
    expect(bench.sandbox.stats().duplicates).toBe(1);
  });
});

describe.concurrent('an answer says, or leaves open, that nothing was made', () => {
  for (const answer of ['500', '502', '503', 'reset', 'hang'] as const) {
    test(`${answer}: the row is looked for, sent once more and created`, async ({ createBench }) => {
      const bench = await createBench({ answerWith: unlucky(answer) });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv', '--timeout', timeoutFor(answer)]);
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ rows: 20, created: 20, recovered: 0, failed: 0 });
      expect(result.summary.requests).toMatchObject({ sent: 21, retried: 1 });
      expect(result.summary.requests.reconciled).toBeGreaterThanOrEqual(1);
      expectConverged(bench.sandbox, NOTES);
      expect(successRows(bench.folder, result).find(({ row }) => row === '5')).toMatchObject({ status: 'created', attempts: '2' });
    });
  }

  for (const status of [429, 503]) {
    test(`${status} with Retry-After: waited for, and it costs the row no retry`, async ({ createBench }) => {
      const bench = await createBench({ answerWith: unlucky({ status, headers: { 'retry-after': '1' } }, 2) });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv', '--retries', '0']);
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ created: 20, recovered: 0 });
      expect(result.summary.requests).toMatchObject({ sent: 22, retried: 0, rateLimited: 2, reconciled: 0 });
      const [first, second, third] = bench.sandbox.requests().filter(({ method, contactId }) => method === 'POST' && contactId === 'C-5');
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
      expect(third!.at - second!.at).toBeGreaterThanOrEqual(990);
      expectConverged(bench.sandbox, NOTES);
    });
  }

  for (const createdBody of ['empty', 'cut', 'html', 'no-id'] as const satisfies CreatedBody[]) {
    test(`a 201 whose body is ${createdBody} is created, and its id is learnt by looking`, async ({ createBench }) => {
      const bench = await createBench({ createdBody });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv']);
      expect(result.code).toBe(0);
      expect(result.summary.counts).toMatchObject({ created: 20, recovered: 0 });
      expect(result.summary.requests.sent).toBe(20);
      expectConverged(bench.sandbox, NOTES);
      const ids = successRows(bench.folder, result).map(({ memoryId }) => memoryId);
      expect(ids.sort()).toEqual(
        bench.sandbox
          .memories()
          .map(({ id }) => id)
          .sort(),
      );
    });
  }
});

describe.concurrent('a refusal is final, and is called by its name', () => {
  const refusals = [
    { status: 400, count: 'badRequest', class: 'bad_request' },
    { status: 403, count: 'forbidden', class: 'forbidden' },
    { status: 402, count: 'rejected', class: 'rejected' },
    { status: 409, count: 'rejected', class: 'rejected' },
    { status: 413, count: 'rejected', class: 'rejected' },
    { status: 422, count: 'rejected', class: 'rejected' },
    { status: 302, count: 'rejected', class: 'rejected' },
  ] as const;
  for (const { status, count, class: failureClass } of refusals) {
    test(`${status} is ${failureClass}, not tried again, and the contact's later notes go on`, async ({ createBench }) => {
      const body = { status: 'error', message: 'Not this one', data: [{ field: 'text', message: 'unwanted' }] };
      const bench = await createBench({ answerWith: unlucky({ status, body, headers: status === 302 ? { location: '/elsewhere' } : {} }) });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv']);
      expect(result.code).toBe(1);
      expectConservation(result.summary);
      expect(result.summary.counts).toMatchObject({ rows: 20, created: 19, failed: 1, failures: { [count]: 1 } });
      expect(result.summary.requests).toMatchObject({ sent: 20, retried: 0, reconciled: 0 });
      expect(bench.sandbox.stats().requests).toBe(30); // and ten contacts were listed before the first create
      expectEachOnce(
        bench.sandbox,
        NOTES.filter((note) => note !== UNLUCKY),
      );
      const [row] = failureRows(bench.folder, result);
      expect(row).toMatchObject({
        contactId: 'C-5',
        name: UNLUCKY.name,
        _row: '5',
        _class: failureClass,
        _status: String(status),
        _attempts: '1',
      });
      if (status === 400) {
        expect(row?._message).toContain('Not this one');
        expect(JSON.parse(row?._details ?? '')).toEqual(body.data);
      }
    });
  }

  test("404: the contact's other rows are not_found too, without a request each", async ({ createBench }) => {
    const bench = await createBench({ missing: ['C-5'] });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv']);
    expect(result.code).toBe(1);
    expect(result.summary.counts).toMatchObject({ created: 18, failed: 2, failures: { notFound: 2 } });
    expect(result.summary.requests.sent).toBe(19);
    const [first, second] = failureRows(bench.folder, result);
    expect(first).toMatchObject({ _row: '5', _class: 'not_found', _attempts: '1' });
    expect(second).toMatchObject({ _row: '15', _class: 'not_found', _attempts: '0' });
    expect(second?._message).toContain('row 5');
  });

  test('a 404 that is not the API’s own is rejected, not a missing contact', async ({ createBench }) => {
    const bench = await createBench({ answerWith: unlucky({ status: 404, body: '<h1>Not found</h1>' }) });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv']);
    expect(result.summary.counts).toMatchObject({ created: 19, failures: { notFound: 0, rejected: 1 } });
  });

  test('server errors until the retries end: server_error, its later notes held, other contacts go on, and the next run creates both in order', async ({
    createBench,
  }) => {
    const bench = await createBench({ answerWith: unlucky('500', 3) });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--retries', '2']);
    expect(result.code).toBe(1);
    expectConservation(result.summary);
    expect(result.summary.counts).toMatchObject({ created: 18, failed: 2, failures: { serverError: 1, held: 1 } });
    expect(result.summary.requests).toMatchObject({ sent: 21, retried: 2 });
    expect(failureRows(bench.folder, result)[0]).toMatchObject({ _row: '5', _class: 'server_error', _status: '500', _attempts: '3' });
    const again = await bench.import(['notes.csv']);
    expect(again.code).toBe(0);
    expect(again.summary.counts).toMatchObject({ alreadyImported: 18, created: 2 });
    expectConverged(bench.sandbox, NOTES);
  });
});

describe('conservation', () => {
  test('rows = created + recovered + already imported + duplicates + failures, with every kind of row in one file, and each in one report', async ({
    createBench,
  }) => {
    const notes = makeNotes({ count: 60, contacts: 12 });
    const missing = { contactId: 'C-gone', name: 'Gone', text: 'To a contact that is not there' };
    const foreign = { contactId: 'C-1', name: 'Foreign', text: 'Of another organization', subOrg: 'so-elsewhere' };
    const refused = { contactId: 'C-2', name: 'Refused', text: 'The API will not have it' };
    const lost = { contactId: 'C-3', name: 'Lost', text: 'Its answer is lost' };
    const invalid = { contactId: 'C-4', name: '', text: 'Without a name' };
    const old = makeNotes({ count: 7, contacts: 12, prefix: 'old' });
    const bench = await createBench({
      missing: ['C-gone'],
      answerWith: ({ method, name }) =>
        method !== 'POST'
          ? undefined
          : name === 'Refused'
            ? { status: 400, body: { status: 'error', message: 'no' } }
            : name === 'Lost'
              ? 'reset-after'
              : undefined,
    });
    bench.write('old.csv', csvOf(old));
    expect((await bench.import(['old.csv'])).code).toBe(0);
    const all = [...old, ...notes, missing, foreign, refused, lost, invalid, notes[0]!, missing];
    bench.write('notes.csv', `${csvOf(all)}C-1,only two cells\n`);

    const result = await bench.import(['notes.csv']);

    expect(result.code).toBe(1);
    expectConservation(result.summary);
    const counts = { rows: all.length + 1, created: 60, recovered: 1, alreadyImported: 7, duplicate: 1, filtered: 0, failed: 6 };
    expect(result.summary.counts).toMatchObject(counts);
    expect(result.summary.counts.failures).toMatchObject({ malformed: 1, invalid: 1, badRequest: 1, notFound: 2, forbidden: 1 });
    const reported = [
      ...successRows(bench.folder, result).map(({ row }) => row),
      ...failureRows(bench.folder, result).map(({ _row }) => _row),
    ];
    expect(reported.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: all.length + 1 }, (_, i) => i + 1));
  });
});
