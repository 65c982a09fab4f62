import { describe, expect, test, vi } from 'vitest';
import type { ScriptedRequest } from '../../../src/sandbox/options.js';
import { create, list, listedTexts, lossOf, remove, start } from './start.js';

const NOTE = { name: 'n', text: 't' };

describe('lists', () => {
  test('lateMs: a memory shows up that long after its creation, a preloaded one at once', async () => {
    let time = 10_000;
    const sandbox = await start({ lists: { lateMs: 2000 }, now: () => time });
    sandbox.seed('C-1', { name: 'n', text: 'preloaded' });
    await create(sandbox, { body: { name: 'n', text: 'late' } });
    time += 1999;
    expect(await listedTexts(sandbox)).toEqual(['preloaded']);
    time += 1;
    expect(await listedTexts(sandbox)).toEqual(['preloaded', 'late']);
  });

  test('pageSize and newestFirst cut and turn the list', async () => {
    const notes = ['1', '2', '3'].map((text) => ({ name: 'n', text }));
    const paged = await start({ lists: { pageSize: 2 } });
    const turned = await start({ lists: { newestFirst: true } });
    const both = await start({ lists: { pageSize: 2, newestFirst: true } });
    for (const sandbox of [paged, turned, both]) for (const note of notes) sandbox.seed('C-1', note);
    expect(await listedTexts(paged)).toEqual(['1', '2']);
    expect(await listedTexts(turned)).toEqual(['3', '2', '1']);
    expect(await listedTexts(both)).toEqual(['3', '2']);
    expect(await listedTexts(turned)).toEqual(['3', '2', '1']);
    expect(both.memories()).toHaveLength(3);
  });

  test.each([
    ['trim', 'e\u0301\r\nb\rc'],
    ['nfc', ' \u00e9\r\nb\rc '],
    ['lf', ' e\u0301\nb\nc '],
    ['all', '\u00e9\nb\nc'],
  ] as const)('mangle %s changes what is stored, answered and listed', async (mangle, stored) => {
    const sandbox = await start({ lists: { mangle } });
    const raw = ' e\u0301\r\nb\rc ';
    const answer = await create(sandbox, { body: { name: raw, text: raw } });
    expect(await answer.json()).toMatchObject({ data: { name: stored, text: stored } });
    expect(await listedTexts(sandbox)).toEqual([stored]);
    expect(sandbox.memories()[0]).toMatchObject({ name: stored, text: stored });
  });

  test('status answers every list with an HTML page, and creates go on', async () => {
    const sandbox = await start({ lists: { status: 404 } });
    const answer = await list(sandbox);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect((await create(sandbox)).status).toBe(201);
  });

  test('failFirst fails the first lists, whichever contact they are of', async () => {
    const sandbox = await start({ lists: { failFirst: 2 } });
    const statuses = [await list(sandbox), await list(sandbox, { contactId: 'C-2' }), await list(sandbox)].map(({ status }) => status);
    expect(statuses).toEqual([500, 500, 200]);
  });

  test('omitCreatedAt leaves the date out of lists, not out of a 201', async () => {
    const sandbox = await start({ lists: { omitCreatedAt: true } });
    expect(await (await create(sandbox)).json()).toMatchObject({ data: { createdAt: expect.any(String) } });
    const { data } = (await (await list(sandbox)).json()) as { data: object[] };
    expect(data[0]).toHaveProperty('id');
    expect(data[0]).not.toHaveProperty('createdAt');
  });
});

test('clockSkewMs moves createdAt and the Date header', async () => {
  const sandbox = await start({ clockSkewMs: -3_600_000, now: () => Date.parse('2026-11-23T06:00:00Z') });
  const answer = await create(sandbox);
  expect(answer.headers.get('date')).toBe('Mon, 23 Nov 2026 05:00:00 GMT');
  expect(await answer.json()).toMatchObject({ data: { createdAt: '2026-11-23T05:00:00.000Z' } });
  expect((await fetch(`${sandbox.url}/nowhere`)).headers.get('date')).toBe('Mon, 23 Nov 2026 05:00:00 GMT');
  expect(sandbox.requests()[0]?.at).toBe(Date.parse('2026-11-23T06:00:00Z'));
});

test('createdAt follows the clock from memory to memory', async () => {
  let time = 0;
  const sandbox = await start({ now: () => time });
  for (const at of [1, 1, 2]) {
    time = at;
    await create(sandbox);
  }
  expect(sandbox.memories().map(({ createdAt }) => Date.parse(createdAt))).toEqual([1, 1, 2]);
});

test('without a skew the Date header is the time of day', async () => {
  const sandbox = await start();
  const before = Date.now();
  const date = Date.parse((await create(sandbox)).headers.get('date') ?? '');
  expect(Math.abs(date - before)).toBeLessThan(5000);
});

describe('the body of a 201', () => {
  test('empty', async () => {
    const sandbox = await start({ createdBody: 'empty' });
    const answer = await create(sandbox);
    expect([answer.status, await answer.text()]).toEqual([201, '']);
    expect(sandbox.stats().created).toBe(1);
  });

  test('html', async () => {
    const sandbox = await start({ createdBody: 'html' });
    const answer = await create(sandbox);
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('<html>')]);
  });

  test('no-id', async () => {
    const sandbox = await start({ createdBody: 'no-id' });
    const { data } = (await (await create(sandbox)).json()) as { data: object };
    expect(data).not.toHaveProperty('id');
    expect(data).toHaveProperty('createdAt');
  });

  test('cut: the status and half of the body arrive, then the connection ends', async () => {
    const sandbox = await start({ createdBody: 'cut' });
    const answer = await create(sandbox);
    expect(answer.status).toBe(201);
    let arrived = 0;
    const reading = async () => {
      // `body` is null only for answers without one.
      for await (const chunk of answer.body!) arrived += chunk.length;
    };
    await expect(reading()).rejects.toThrow();
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(Number(answer.headers.get('content-length')));
    expect(sandbox.stats()).toMatchObject({ created: 1, byStatus: { '201': 1 } });
  });
});

describe('answerWith', () => {
  test('it is asked with what the request is, and how many like it came before', async () => {
    const asked: ScriptedRequest[] = [];
    const sandbox = await start({
      answerWith: (request) => {
        asked.push(request);
        return undefined;
      },
    });
    await create(sandbox, { body: NOTE, subOrg: 'so-1' });
    await create(sandbox, { body: NOTE, subOrg: 'so-1' });
    await create(sandbox, { body: '{"name":1' });
    await list(sandbox);
    await remove(sandbox, 'mem_1');
    expect(asked).toEqual([
      { method: 'POST', contactId: 'C-1', memoryId: null, subOrg: 'so-1', name: 'n', text: 't', index: 0, repeat: 0 },
      { method: 'POST', contactId: 'C-1', memoryId: null, subOrg: 'so-1', name: 'n', text: 't', index: 1, repeat: 1 },
      { method: 'POST', contactId: 'C-1', memoryId: null, subOrg: null, name: null, text: null, index: 2, repeat: 0 },
      { method: 'GET', contactId: 'C-1', memoryId: null, subOrg: null, name: null, text: null, index: 3, repeat: 0 },
      { method: 'DELETE', contactId: null, memoryId: 'mem_1', subOrg: null, name: null, text: null, index: 4, repeat: 0 },
    ]);
    expect(sandbox.stats()).toMatchObject({ created: 2, byStatus: { '200': 1, '201': 2, '400': 1, '404': 1 } });
  });

  test('an answer of its own, in HTML or JSON, with its headers, and nothing is created', async () => {
    const sandbox = await start({
      answerWith: ({ index }) =>
        index === 0 ? { status: 418, body: 'tea', headers: { 'X-Pot': 'yes' } } : { status: 409, body: { no: 1 } },
    });
    const first = await create(sandbox);
    expect([first.status, first.headers.get('content-type'), first.headers.get('x-pot'), await first.text()]).toEqual([
      418,
      'text/html; charset=utf-8',
      'yes',
      'tea',
    ]);
    const second = await create(sandbox);
    expect([second.status, await second.json()]).toEqual([409, { no: 1 }]);
    expect(sandbox.memories()).toEqual([]);
  });

  test('headers of the script take the place of the default ones', async () => {
    const sandbox = await start({ answerWith: () => ({ status: 400, body: '{}', headers: { 'Content-Type': 'application/json' } }) });
    expect((await create(sandbox)).headers.get('content-type')).toBe('application/json');
  });

  test('create: true carries the request out and answers in its own way', async () => {
    const sandbox = await start({ answerWith: () => ({ status: 202, body: '', create: true }) });
    expect((await create(sandbox)).status).toBe(202);
    expect(sandbox.stats()).toMatchObject({ created: 1, byStatus: { '202': 1 } });
  });

  test('a redirect goes out as it is', async () => {
    const sandbox = await start({ answerWith: () => ({ status: 307, headers: { location: '/elsewhere' } }) });
    const answer = await fetch(`${sandbox.url}/contacts/C-1/memories`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([307, '/elsewhere']);
  });

  test('the kinds of faults, one by one', async () => {
    const script = ['500-after', 'reset', 'reset-after', '503', undefined] as const;
    const sandbox = await start({ answerWith: ({ index }) => script[index] });
    const seen: (string | undefined)[] = [];
    for (const _ of script) seen.push(await lossOf(create(sandbox)));
    expect(seen).toEqual(['answered 500', 'ECONNRESET', 'ECONNRESET', 'answered 503', 'answered 201']);
    expect(sandbox.stats().created).toBe(3);
  });

  test('it comes before the rate limit and the faults', async () => {
    const sandbox = await start({
      faults: { '500': 1 },
      rateLimit: 1,
      answerWith: ({ index }) => (index < 3 ? { status: 204 } : undefined),
    });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await create(sandbox)).status);
    expect(statuses).toEqual([204, 204, 204, 500]);
  });

  test('a script that throws is told in a 500, not in silence', async () => {
    const sandbox = await start({
      answerWith: () => {
        throw new Error('the test is wrong');
      },
    });
    const answer = await create(sandbox);
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining('the test is wrong')]);
  });

  test('createLateMs resets now and creates later, once', async () => {
    const sandbox = await start({ answerWith: ({ repeat }) => (repeat === 0 ? { createLateMs: 400 } : undefined) });
    expect(await lossOf(create(sandbox, { body: NOTE }))).toBe('ECONNRESET');
    expect(sandbox.memories()).toEqual([]);
    await vi.waitFor(() => expect(sandbox.memories()).toHaveLength(1), { timeout: 5000 });
    expect(sandbox.memories()[0]).toMatchObject({ ...NOTE, contactId: 'C-1' });
    expect(sandbox.stats().byStatus).toEqual({ reset: 1 });
  });
});

describe('preloading', () => {
  test('a seeded memory is listed, and a copy of it is a duplicate', async () => {
    const sandbox = await start();
    const memory = sandbox.seed('C-1', { ...NOTE, subOrg: 'so-1', createdAt: new Date('2026-01-02T03:04:05.678Z') });
    expect(memory).toMatchObject({ contactId: 'C-1', subOrg: 'so-1', createdAt: '2026-01-02T03:04:05.678Z', sequence: 1 });
    expect(await listedTexts(sandbox, { subOrg: 'so-1' })).toEqual(['t']);
    await create(sandbox, { subOrg: 'so-1', body: NOTE });
    expect(sandbox.stats()).toMatchObject({ created: 2, distinct: 1, duplicates: 1 });
  });

  test('name and text do not run into each other when distinct notes are counted', async () => {
    const sandbox = await start();
    sandbox.seed('C-1', { name: 'ab', text: 'c' });
    sandbox.seed('C-1', { name: 'a', text: 'bc' });
    expect(sandbox.stats()).toMatchObject({ created: 2, distinct: 2, duplicates: 0 });
  });

  test('a sandbox goes on with the memories of an earlier one, on its port', async () => {
    const before = await start();
    await create(before, { body: NOTE });
    await before.close();
    expect(await lossOf(create(before))).toBe('ECONNREFUSED');
    const after = await start({ port: before.port, resume: before.memories() });
    expect(after.url).toBe(before.url);
    await create(after, { body: NOTE });
    const [old, young] = after.memories();
    expect(old).toEqual(before.memories()[0]);
    expect(young?.sequence).toBe(2);
    expect(young?.id).not.toBe(old?.id);
    expect((await remove(after, old?.id ?? '')).status).toBe(200);
    expect(await listedTexts(after)).toEqual(['t']);
  });
});
