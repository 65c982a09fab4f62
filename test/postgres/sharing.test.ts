import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openPostgresLedger, openPostgresToRead } from '../../src/ledger/postgres.js';
import {
  batchOf,
  claimKey,
  claimOf,
  created,
  failed,
  inDoubt,
  known,
  type LedgerUnderTest,
  released,
  runId,
  settle,
} from '../contract/ledger-store.js';
import { createPostgres } from '../contract/postgres-store.js';
import { until } from '../support/cli.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';

const TARGET = { baseUrl: 'https://api.example.test/', apiKey: 'a key' };

describe.skipIf(POSTGRES === null)('several processes with one ledger in Postgres', () => {
  let database: TestDatabase;
  let store: LedgerUnderTest;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    store = await createPostgres(database);
  });
  afterEach(() => store.destroy());

  const open = (id: string, now: () => number = Date.now) => store.open({ runId: id, now });
  const claim = async (ledger: Ledger, n: number | string, part: Parameters<typeof claimOf>[1] = {}) =>
    (await ledger.commit(batchOf({ claims: [claimOf(n, part)] })))[0];

  test('a note that another one has claimed is busy, and so is every note of its contact, until it is settled', async () => {
    const [a, b] = [await open('run-a'), await open('run-b')];
    const key = await claimKey(a, claimOf(1, { contactId: 'ann' }));
    expect(await claim(b, 1, { contactId: 'ann' })).toMatchObject({ kind: 'busy', note: key, by: expect.stringContaining('run-a') });
    expect(await claim(b, 2, { contactId: 'ann' })).toMatchObject({ kind: 'busy', note: key });
    expect(await claim(b, 3, { contactId: 'bob' })).toMatchObject({ kind: 'claimed' });
    expect(await known(b, 2)).toBeNull();
    await settle(a, created(key, 'm-1'));
    expect(await claim(b, 1, { contactId: 'ann' })).toMatchObject({
      kind: 'known',
      note: { state: 'created', memoryId: 'm-1', runId: 'run-a' },
    });
    expect(await claim(b, 2, { contactId: 'ann' })).toMatchObject({ kind: 'claimed' });
  });

  test('what another living run failed with is tried again, what it has in doubt is not', async () => {
    const [a, b] = [await open('run-a'), await open('run-b')];
    await settle(
      a,
      failed(await claimKey(a, claimOf(1, { contactId: 'ann' }))),
      inDoubt(await claimKey(a, claimOf(2, { contactId: 'bob' })), 5),
    );
    expect(await claim(b, 1, { contactId: 'ann' })).toMatchObject({ kind: 'claimed' });
    expect(await claim(b, 2, { contactId: 'bob' })).toMatchObject({ kind: 'known', note: { state: 'in_doubt', runId: 'run-a' } });
  });

  test('many claims of the same notes at the same time: each is one process\u2019s, and none waits for another for ever', async () => {
    const ledgers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => open(`run-${id}`)));
    const names = Array.from({ length: 60 }, (_, n) => n);
    const claimsOf = (offset: number) =>
      names.map((n) => claimOf((n * 7 + offset) % 60, { contactId: `c-${((n * 7 + offset) % 60) % 23}`, row: `${offset}` }));
    const owners = new Map<string, number>();
    const contacts = new Map<string, Set<number>>();
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(ledgers.map((ledger, i) => ledger.commit(batchOf({ claims: claimsOf(i * 11 + round) }))));
      const settled = answers.map((list, i) =>
        list.flatMap((answer, j) => {
          if (answer.kind !== 'claimed') return [];
          const { fingerprint: print, contactId } = claimsOf(i * 11 + round)[j]!;
          expect(owners.has(print)).toBe(false);
          owners.set(print, i);
          contacts.set(contactId, (contacts.get(contactId) ?? new Set()).add(i));
          return [created(answer.key, `m-${print}`)];
        }),
      );
      for (const holders of contacts.values()) expect(holders.size).toBe(1);
      contacts.clear();
      await Promise.all(ledgers.map((ledger, i) => settle(ledger, ...settled[i]!)));
    }
    expect(owners.size).toBe(60);
  });

  test('its first start is safe for as many as come at once, and each is told the same', async () => {
    const ledgers = await Promise.all(Array.from({ length: 8 }, (_, n) => open(`run-${n}`)));
    expect(ledgers.filter(({ wasEmpty }) => wasEmpty).length).toBeLessThanOrEqual(1);
    const [row] = await database.query(`SELECT count(*)::integer AS versions FROM memory_import.meta WHERE name = 'version'`);
    expect(row).toEqual({ versions: 1 });
  });

  test('of two first runs for different accounts one is refused', async () => {
    const others = { baseUrl: 'https://staging.example.test/', apiKey: 'another' };
    const opened = await Promise.allSettled([store.open({ runId: 'run-a' }), store.open({ runId: 'run-b', target: others })]);
    expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(opened.find((one) => one.status === 'rejected')).toMatchObject({ reason: expect.any(UserError) });
  });

  describe('one that was silent for too long', () => {
    /** `a` has claimed a note and is frozen; `b` has taken it over. */
    const takenOver = async () => {
      const a = await open('run-a');
      const key = await claimKey(a, claimOf(1, { contactId: 'ann' }));
      let lost = '';
      a.shared?.onLost((why) => {
        lost = why;
      });
      await store.crash(a);
      const b = await open('run-b');
      expect(await b.openNotes({ after: null, limit: 5 })).toMatchObject([{ key, state: 'in_doubt', contactId: 'ann' }]);
      return { a, b, key, lost: () => lost };
    };

    test('learns that it was taken over, and may create nothing from then on', async () => {
      const { a, b, lost } = await takenOver();
      await until('word that it was taken over', () => lost() !== '');
      expect(lost()).toMatch(/silent for so long/);
      expect(a.shared?.isAlive()).toBe(false);
      await a.shared?.untilAlive(new AbortController().signal); // doesn't wait for ever
      expect(b.shared?.isAlive()).toBe(true);
    });

    test('claims nothing, and its steps change nothing', async () => {
      const { a, b, key } = await takenOver();
      expect(await claim(a, 2, { contactId: 'bob' })).toMatchObject({ kind: 'busy' });
      await settle(a, released(key));
      expect(await known(b, 1)).toMatchObject({ state: 'in_doubt' });
      await settle(a, failed(key));
      expect(await known(b, 1)).toMatchObject({ state: 'in_doubt' });
    });

    test('whose 201 comes late settles its note, where nobody has begun with it', async () => {
      const { a, b, key } = await takenOver();
      await settle(a, created(key, 'm-late'));
      expect(await known(b, 1)).toMatchObject({ state: 'created', memoryId: 'm-late', runId: 'run-a' });
      expect(await b.shared?.hold({ key, contactId: 'ann' })).toBe(false);
      // A look that was under way meanwhile changes nothing any more.
      await settle(b, released(key, true));
      expect(await claim(b, 1, { contactId: 'ann' })).toMatchObject({ kind: 'known', note: { memoryId: 'm-late' } });
    });

    test('whose 201 comes late tells it to the one who has the note now, who can read it before sending', async () => {
      const { a, b, key } = await takenOver();
      expect(await b.shared?.hold({ key, contactId: 'ann' })).toBe(true);
      await settle(b, released(key, true));
      expect(await claim(b, 1, { contactId: 'ann' })).toMatchObject({ kind: 'claimed', key, doubtedSince: 1000 });
      expect(await b.shared?.lateMemory(key)).toBeNull();
      await settle(a, created(key, 'm-late', { createdAt: 'then' }));
      expect(await known(b, 1)).toMatchObject({ state: 'claimed', runId: 'run-b' });
      expect(await b.shared?.lateMemory(key)).toEqual({ id: 'm-late', createdAt: 'then' });
      // Sent all the same, a moment before: the closing look is due, and tells of the copy.
      await settle(b, created(key, 'm-second'));
      expect(await b.closingNotes({ after: null, limit: 5 })).toMatchObject([{ key }]);
      expect((await b.contact('ann', null)).memoryIds).toEqual(new Set(['m-second']));
    });

    test('is waited for a request\u2019s time-out longer', async () => {
      const now = () => 50_000;
      const address = { ledger: database.url, ledgerPassword: null };
      const mode = { address, what: 'test', target: TARGET, sameAccount: false, now, requestTimeoutMs: 7000 };
      const a = await openPostgresLedger({ ...mode, runId: runId('run-a') });
      await claimKey(a, claimOf(1));
      await store.crash(a);
      const b = await openPostgresLedger({ ...mode, runId: runId('run-b') });
      expect(await b.openNotes({ after: null, limit: 5 })).toMatchObject([{ since: 57_000 }]);
      await Promise.all([a.close(), b.close()]);
    });

    test('is taken over after what it is just committing, never in the middle of it', async () => {
      const a = await open('run-a');
      await claimKey(a, claimOf(1));
      // A commit of it, by a session that can't be ended: as if it were another role's.
      const committing = new pg.Client({ connectionString: database.url });
      await committing.connect();
      await committing.query('BEGIN; SELECT 1 FROM memory_import.owner WHERE taken_over_at IS NULL FOR KEY SHARE');
      await store.crash(a);
      const opening = open('run-b');
      const waits = async () =>
        (
          await database.query(
            'SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()',
          )
        ).length > 0;
      while (!(await waits())) await new Promise(setImmediate);
      const takenOver = async () => (await database.query('SELECT 1 FROM memory_import.owner WHERE taken_over_at IS NOT NULL')).length;
      expect(await takenOver()).toBe(0);
      await committing.query('COMMIT');
      await committing.end();
      expect(await (await opening).openNotes({ after: null, limit: 5 })).toHaveLength(1);
      expect(await takenOver()).toBe(1);
    });

    test('is found out by the others while they are at work', async () => {
      const [a, b] = [await open('run-a'), await open('run-b')];
      await claimKey(b, claimOf(1));
      await store.crash(b); // the newest
      expect(await a.openNotes({ after: null, limit: 5 })).toEqual([]);
      while ((await a.openNotes({ after: null, limit: 5 })).length === 0) await new Promise(setImmediate);
      expect(await a.shared?.runsUnderWay()).toEqual(new Set(['run-a']));
    });
  });

  test('a look takes the contact as a claim does, once; let go, it is in doubt as before', async () => {
    let a = await open('run-a');
    const keys = [await claimKey(a, claimOf(1, { contactId: 'ann' })), await claimKey(a, claimOf(2, { contactId: 'ann' }))] as const;
    await settle(a, inDoubt(keys[0], 100), inDoubt(keys[1], 100));
    await a.close();
    a = await open('run-c');
    const b = await open('run-b');
    expect(await a.shared?.hold({ key: keys[0], contactId: 'ann' })).toBe(true);
    expect(await b.shared?.hold({ key: keys[0], contactId: 'ann' })).toBe(false);
    expect(await b.shared?.hold({ key: keys[1], contactId: 'ann' })).toBe(false);
    expect(await claim(b, 3, { contactId: 'ann' })).toMatchObject({ kind: 'busy' });
    expect(await b.openNotes({ after: null, limit: 5 })).toMatchObject([{ key: keys[1] }]);
    await a.shared?.letGo(keys[0]);
    expect(await b.shared?.hold({ key: keys[0], contactId: 'ann' })).toBe(true);
    expect(await claim(b, 3, { contactId: 'ann' })).toMatchObject({ kind: 'claimed' });
  });

  test('a lost connection is found again: what was committed is committed once', async () => {
    const ledger = await open('run-a');
    const failure = { input: 0, row: 1, target: 0, class: 'invalid', status: null, message: 'x', attempts: 0 } as const;
    for (let n = 0; n < 12; n++) {
      const work = ledger.commit(batchOf({ claims: [claimOf(n, { contactId: `c-${n}` })], failures: [{ ...failure, row: n }] }));
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'memory-import ledger%'`,
      );
      const [answer] = await work;
      expect(answer).toMatchObject({ kind: 'claimed', doubtedSince: null });
      await settle(ledger, created(answer!.kind === 'claimed' ? answer!.key : (0 as never), `m-${n}`));
    }
    const rows = (await ledger.failuresOfRun(runId('run-a'), { after: null, limit: 100 })).map(({ row }) => row);
    expect(rows).toEqual(Array.from({ length: 12 }, (_, n) => n));
    for (let n = 0; n < 12; n++) expect(await known(ledger, n)).toMatchObject({ state: 'created', memoryId: `m-${n}`, attempts: 1 });
  });

  test('text that Postgres has no room for comes back as it was', async () => {
    const ledger = await open('run-a');
    const odd = 'a\0b\u{1f600}"\\ \u2028';
    const key = await claimKey(ledger, claimOf(1, { contactId: odd, subOrg: odd, row: odd }));
    await settle(ledger, created(key, odd, { createdAt: odd }));
    expect(await known(ledger, 1)).toMatchObject({ memoryId: odd, createdAt: odd, row: odd });
    expect((await ledger.contact(odd, odd)).memoryIds).toEqual(new Set([odd]));
  });

  test('a ledger of a newer program is refused, and a reader without one finds none', async () => {
    expect(await openPostgresToRead({ ledger: database.url, ledgerPassword: null })).toBeNull();
    await (await open('run-a')).close();
    await database.query(`UPDATE memory_import.meta SET value = '99' WHERE name = 'version'`);
    await expect(open('run-b')).rejects.toThrow(/newer memory-import \(ledger version 99/);
    await expect(openPostgresToRead({ ledger: database.url, ledgerPassword: null })).rejects.toThrow(UserError);
  });

  test('a role needs no more than what the README says, and is told what it lacks', async () => {
    const url = new URL(database.url);
    const name = url.pathname.slice(1);
    await database.query(`DROP ROLE IF EXISTS importer_${name}`);
    await database.query(`CREATE ROLE importer_${name} LOGIN`);
    url.username = `importer_${name}`;
    const address = { ledger: url.href, ledgerPassword: null };
    const mode = { address, what: 'test', target: TARGET, sameAccount: false, now: Date.now, requestTimeoutMs: 0 };
    await expect(openPostgresLedger({ ...mode, runId: runId('run-a') })).rejects.toThrow(/CREATE SCHEMA memory_import AUTHORIZATION/);
    await database.query(`CREATE SCHEMA memory_import AUTHORIZATION importer_${name}`);
    const first = await openPostgresLedger({ ...mode, runId: runId('run-a') });
    await settle(first, created(await claimKey(first, claimOf(1)), 'm-1'));
    await first.close();
    await database.query(`DROP SCHEMA memory_import CASCADE`);
    await (await open('run-0')).close();
    await expect(openPostgresToRead(address)).rejects.toThrow(/no USAGE on the schema/);
    await database.query(`GRANT USAGE ON SCHEMA memory_import TO importer_${name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA memory_import TO importer_${name};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA memory_import TO importer_${name}`);
    const granted = await openPostgresLedger({ ...mode, runId: runId('run-b') });
    await settle(granted, created(await claimKey(granted, claimOf(1)), 'm-1'));
    expect(await granted.createdNotes(runId('run-b'), { order: 'contact', after: null, limit: 5 })).toHaveLength(1);
    await granted.close();
    await database.empty();
    await database.query(`DROP ROLE importer_${name}`);
  });

  test('a server that can\u2019t be reached, or refuses, is told without the password', async () => {
    const target = { what: 'test', target: TARGET, sameAccount: false, now: Date.now, requestTimeoutMs: 0, runId: runId('run-a') };
    const refused = openPostgresLedger({ ...target, address: { ledger: 'postgres://app@127.0.0.1:1/ledger', ledgerPassword: 'pa55word' } });
    await expect(refused).rejects.toThrow(/postgres:\/\/app@127\.0\.0\.1:1\/ledger can't be used: connect ECONNREFUSED/);
    const nobody = database.url.replace('postgres@', 'pa55word@');
    const unknown = openPostgresLedger({ ...target, address: { ledger: nobody, ledgerPassword: 'pa55word' } });
    await expect(unknown).rejects.toThrow(/role "\*\*\*" does not exist/);
    await expect(unknown).rejects.toThrow(UserError);
  });
});
