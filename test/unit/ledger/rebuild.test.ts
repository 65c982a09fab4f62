import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.js';
import { checkLedger } from '../../../src/ledger/check.js';
import { openLedgerToRead } from '../../../src/ledger/sqlite.js';
import { type RebuildProblem, rebuildLedger } from '../../../src/ledger-rebuild.js';
import type { Outcome, SettledRow } from '../../../src/model.js';
import { openCsvReports } from '../../../src/report/csv-reports.js';
import { fingerprint, runId } from '../../contract/ledger-store.js';
import { draftWith, failureWith, HEADER_BYTES, inputWith, settled, temporaryFolder } from '../report/fixtures.js';

const RUN = '20261123T030749Z-4f9a';
const LATER_RUN = '20261124T030749Z-4f9a';

/** A success.csv as an import writes it, in the folder of a run. */
async function successFile(parent: string, rows: readonly SettledRow[], run = RUN): Promise<string> {
  const folder = join(parent, run);
  mkdirSync(folder, { recursive: true });
  const reports = await openCsvReports({ folder, inputCount: 1 });
  reports.inputOpened(inputWith(), HEADER_BYTES);
  await reports.write(rows);
  return (await reports.close()).success;
}

function rowOf(
  n: number,
  part: { readonly outcome?: Outcome; readonly contactId?: string; readonly subOrg?: string | null } = {},
): SettledRow {
  const { outcome = outcomeOf('created', n), contactId = 'contact-1', subOrg = null } = part;
  return settled({ row: n, outcome, draft: draftWith({ fingerprint: fingerprint(n), contactId, subOrg, name: `Call\n"${n}"` }) });
}

function outcomeOf(kind: 'created' | 'recovered' | 'already_imported', n: number | string): Outcome {
  const known = { memoryId: `m-${n}`, createdAt: '2026-11-23T03:07:49.000Z' };
  return kind === 'already_imported' ? { kind, ...known, changed: false } : { kind, ...known, attempts: 1 };
}

const options = (folder: string, inputs: readonly string[]) => ({
  inputs,
  ledger: join(folder, 'new', 'ledger.db'),
  baseUrl: 'https://api.example.test',
  apiKey: 'a key',
});

async function knownIn(folder: string, ...numbers: readonly number[]) {
  const ledger = openLedgerToRead(join(folder, 'new', 'ledger.db'))!;
  try {
    return await ledger.lookup(numbers.map(fingerprint));
  } finally {
    await ledger.close();
  }
}

describe('rebuilding', () => {
  test('knows exactly the notes of an import, whatever characters their ids have', async () => {
    const folder = await temporaryFolder();
    // Ids that a spreadsheet would take for formulas, that need quotes, that begin with the guard itself.
    const id = fc.stringMatching(/^[ '"=+\-@,;a-z\u{1f600}\u00e9-]{0,6}[a-z]$/u);
    const kind = fc.constantFrom('created', 'recovered', 'already_imported', 'failed');
    const note = fc.record({ contactId: id, subOrg: fc.option(id), memoryId: fc.option(id), kind });
    let trial = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(note, { maxLength: 12 }), async (notes) => {
        const place = join(folder, String(trial++));
        const rows = notes.map(({ kind: ended, memoryId, ...draft }, n) => {
          const outcome: Outcome = ended === 'failed' ? failureWith() : ({ ...outcomeOf(ended as 'created', n), memoryId } as Outcome);
          return rowOf(n, { outcome, ...draft });
        });
        const path = await successFile(place, rows);
        const { counts } = await rebuildLedger(options(place, [path]), { env: {} });
        expect(counts).toMatchObject({ rows: notes.filter((one) => one.kind !== 'failed').length, unreadable: 0 });
        const found = await knownIn(place, ...notes.map((_, n) => n));
        expect(found.map((one) => one && { state: one.state, memoryId: one.memoryId, how: one.how })).toEqual(
          notes.map(({ kind: ended, memoryId }) =>
            ended === 'failed' ? null : { state: 'created', memoryId, how: ended === 'already_imported' ? 'adopted' : ended },
          ),
        );
        const ledger = openLedgerToRead(join(place, 'new', 'ledger.db'))!;
        for (const { contactId, subOrg, memoryId, kind: ended } of notes) {
          const { memoryIds } = await ledger.contact(contactId, subOrg);
          if (ended !== 'failed' && memoryId !== null) expect(memoryIds).toContain(memoryId);
        }
        await ledger.close();
      }),
      { numRuns: 15 },
    );
  });

  test('twice gives what once gives, from gzipped files too, and the ledger is sound', async () => {
    const folder = await temporaryFolder();
    const path = await successFile(folder, [
      rowOf(1),
      rowOf(2),
      rowOf(1, { outcome: { kind: 'duplicate', firstRow: '1', memoryId: 'm-1', createdAt: null } }),
    ]);
    const packed = join(folder, 'packed.csv.gz');
    writeFileSync(packed, gzipSync(readFileSync(path)));
    expect((await rebuildLedger(options(folder, [packed]), { env: {} })).counts).toMatchObject({ rows: 3, added: 2, known: 1 });
    const before = await knownIn(folder, 1, 2);
    // Elsewhere than in its run's folder it doesn't say who made the notes.
    expect(before.map((note) => note?.how)).toEqual(['adopted', 'adopted']);
    expect((await rebuildLedger(options(folder, [packed]), { env: {} })).counts).toMatchObject({ rows: 3, added: 0, known: 3 });
    expect(await knownIn(folder, 1, 2)).toEqual(before);
    expect((await checkLedger(join(folder, 'new', 'ledger.db'), { quick: false })).findings).toEqual([]);
  });

  test('brings the runs back in whose folders the files lie, and says which of them made a note', async () => {
    const folder = await temporaryFolder();
    const first = await successFile(folder, [rowOf(1), rowOf(2, { outcome: outcomeOf('recovered', 2) })]);
    const second = await successFile(folder, [rowOf(1, { outcome: outcomeOf('already_imported', 1) }), rowOf(3)], LATER_RUN);
    writeFileSync(
      join(folder, LATER_RUN, 'summary.json'),
      JSON.stringify({ runId: LATER_RUN, status: 'completed', startedAt: '2026-11-24T03:07:49.123Z', finishedAt: null, inputs: ['b.csv'] }),
    );
    await rebuildLedger(options(folder, [second]), { env: {} });
    await rebuildLedger(options(folder, [first]), { env: {} });
    const found = await knownIn(folder, 1, 2, 3);
    expect(found.map((note) => [note?.runId, note?.how])).toEqual([
      [RUN, 'created'],
      [RUN, 'recovered'],
      [LATER_RUN, 'created'],
    ]);
    const ledger = openLedgerToRead(join(folder, 'new', 'ledger.db'))!;
    const listed = (await ledger.runs()).filter(({ out }) => out !== '');
    expect(listed).toMatchObject([
      { runId: LATER_RUN, status: 'completed', startedAt: '2026-11-24T03:07:49.123Z', inputs: [{ path: 'b.csv', sha256: null }] },
      { runId: RUN, status: 'running', startedAt: '2026-11-23T03:07:49.000Z', out: join(folder, RUN) },
    ]);
    expect(await ledger.notesOfRun(runId(RUN), { after: null, limit: 9 })).toHaveLength(2);
    await ledger.close();
  });

  test('takes the good rows, and tells of each bad one with its line', async () => {
    const folder = await temporaryFolder();
    const path = await successFile(folder, [rowOf(1), rowOf(2), rowOf(3), rowOf(4)]);
    const lines = readFileSync(path, 'utf8').split(/\n(?=\d+,contact)/);
    lines[2] = lines[2]!.replace(',created,', ',made,');
    lines[3] = `${lines[3]!.slice(0, 30)}`;
    // The run was killed in the middle of its last line.
    writeFileSync(path, lines.join('\n').trimEnd().slice(0, -20));
    const told: RebuildProblem[] = [];
    const { counts, problems } = await rebuildLedger(options(folder, [path]), { env: {}, onProblem: (problem) => told.push(problem) });
    expect(counts).toMatchObject({ added: 1, unreadable: 3, rows: 4 });
    expect(problems).toEqual(told);
    // Each name has a line break in it.
    expect(told.map(({ line }) => line)).toEqual([4, 6, 8]);
    expect(told[0]?.message).toBe(
      'status: expected one of created, recovered, already_imported, duplicate, undone, partly_undone, found "made"',
    );
    expect(told[2]?.message).toMatch(/fingerprint: expected 64 digits/);
    expect((await knownIn(folder, 1, 2, 4)).map((note) => note?.state ?? null)).toEqual(['created', null, null]);
  });

  test('a file whose last quote never closes gives what stands before it', async () => {
    const folder = await temporaryFolder();
    const path = await successFile(folder, [rowOf(1), rowOf(2)]);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/""2""[\s\S]*/, ''));
    const { counts, problems } = await rebuildLedger(options(folder, [path]), { env: {} });
    expect(counts).toMatchObject({ added: 1, unreadable: 1 });
    expect(problems[0]).toMatchObject({ line: null, message: expect.stringContaining(path) });
  });

  test('takes what a spreadsheet has made of the file: semicolons, other columns between', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'moved.csv');
    const header = 'Seen by;fingerprint;row;contactId;subOrg;memoryId;status;createdAt;attempts';
    writeFileSync(path, `\ufeff${header}\r\nAnn;${fingerprint(1)};'=1;'+49;;m-1;created;;1\r\n`);
    await rebuildLedger(options(folder, [path]), { env: {} });
    expect(await knownIn(folder, 1)).toMatchObject([{ memoryId: 'm-1', row: '=1', createdAt: null }]);
    const ledger = openLedgerToRead(join(folder, 'new', 'ledger.db'))!;
    expect((await ledger.contact('+49', null)).newest).toBe('m-1');
    await ledger.close();
  });
});

describe('what is refused before anything is changed:', () => {
  test.each([
    [
      'a file that is no success.csv',
      'contactId,name,text\nC-1,a,b\n',
      /isn't the success\.csv of a run: expected the columns row,contactId,.*"contactId", "name", "text"/,
    ],
    ['an empty file', '', /is empty/],
    ['a spreadsheet', 'PK\u0003\u0004', /spreadsheet|zip/i],
  ])('%s', async (_, content, message) => {
    const folder = await temporaryFolder();
    const good = await successFile(folder, [rowOf(1)]);
    writeFileSync(join(folder, 'other.csv'), content);
    const refused = await rebuildLedger(options(folder, [good, join(folder, 'other.csv')]), { env: {} }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect((refused as UserError).message).toMatch(message);
    expect(openLedgerToRead(join(folder, 'new', 'ledger.db'))).toBeNull();
  });

  test('standard input, a file that is not there, and the ledger of another account', async () => {
    const folder = await temporaryFolder();
    const good = await successFile(folder, [rowOf(1)]);
    await expect(rebuildLedger(options(folder, ['-']), { env: {} })).rejects.toThrow(/Name the files/);
    await expect(rebuildLedger(options(folder, [good, 'nowhere.csv']), { env: {} })).rejects.toThrow(UserError);
    await rebuildLedger(options(folder, [good]), { env: {} });
    rmSync(good);
    const other = await successFile(join(folder, 'other'), [rowOf(2)]);
    const elsewhere = { ...options(folder, [other]), baseUrl: 'https://staging.example.test' };
    await expect(rebuildLedger(elsewhere, { env: {} })).rejects.toThrow(/was filled for https:\/\/api\.example\.test\//);
    expect(await knownIn(folder, 2)).toEqual([null]);
    expect((await rebuildLedger({ ...elsewhere, sameAccount: true }, { env: {} })).counts.added).toBe(1);
  });
});
