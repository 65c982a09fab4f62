import { describe, expect, test } from 'vitest';
import { create, list, listedTexts, remove, start } from './start.js';

describe('create', () => {
  test('a good note is answered 201 with the whole memory', async () => {
    const sandbox = await start({ now: () => Date.parse('2026-11-23T06:00:00.123Z') });
    const answer = await create(sandbox, { contactId: 'C-1', body: { name: 'Anruf', text: 'Zeile 1\r\nZeile 2 👍' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const [memory] = sandbox.memories();
    expect(await answer.json()).toEqual({
      status: 'success',
      data: {
        id: memory?.id,
        name: 'Anruf',
        text: 'Zeile 1\r\nZeile 2 👍',
        status: 'ACTUAL',
        phoneNumber: expect.any(String),
        campaignId: expect.any(String),
        createdAt: '2026-11-23T06:00:00.123Z',
        contactId: 'C-1',
      },
    });
    expect(memory).toMatchObject({ sequence: 1, contactId: 'C-1', subOrg: null, name: 'Anruf', createdAt: '2026-11-23T06:00:00.123Z' });
  });

  test('the same note twice makes two memories with two ids', async () => {
    const sandbox = await start();
    await create(sandbox);
    await create(sandbox);
    expect(new Set(sandbox.memories().map(({ id }) => id)).size).toBe(2);
    expect(sandbox.stats()).toMatchObject({ created: 2, distinct: 1, duplicates: 1 });
  });

  test.each([['nothing'], ['Bearer sandbox-key'], ['sandbox-key2']])(
    'the key %j is refused with 401 and nothing is created',
    async (key) => {
      const sandbox = await start();
      const answer = await create(sandbox, { key });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({ status: 'error', message: expect.any(String) });
      expect(sandbox.memories()).toEqual([]);
    },
  );

  test('the key is the one that was ordered', async () => {
    const sandbox = await start({ apiKey: 'other' });
    expect((await create(sandbox)).status).toBe(401);
    expect((await create(sandbox, { key: 'other' })).status).toBe(201);
  });

  test.each([
    ['a missing name', { text: 'x' }, ['name']],
    ['a blank name', { name: ' \n', text: 'x' }, ['name']],
    ['a name that is no string', { name: 1, text: 'x' }, ['name']],
    ['a name of 201 characters', { name: 'n'.repeat(201), text: 'x' }, ['name']],
    ['a name of 201 emoji', { name: '😀'.repeat(201), text: 'x' }, ['name']],
    ['a text of 5001 characters', { name: 'n', text: 'x'.repeat(5001) }, ['text']],
    ['a text of 5001 emoji', { name: 'n', text: '😀'.repeat(5001) }, ['text']],
    ['two bad fields', { name: '', text: null }, ['name', 'text']],
    ['a body that is no JSON', '{"name":', ['body']],
    ['an empty body', '', ['body']],
    ['an array', [], ['body']],
    ['null', 'null', ['body']],
  ])('%s is refused with 400 that names the field', async (_what, body, fields) => {
    const sandbox = await start();
    const answer = await create(sandbox, { body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      status: 'error',
      message: expect.any(String),
      data: fields.map((field) => ({ field, message: expect.stringContaining(field) })),
    });
    expect(sandbox.memories()).toEqual([]);
  });

  test('the limits themselves are allowed, counted in code points', async () => {
    const sandbox = await start();
    expect((await create(sandbox, { body: { name: '😀'.repeat(200), text: '😀'.repeat(5000) } })).status).toBe(201);
    expect((await create(sandbox, { body: { name: 'n', text: 'x' } })).status).toBe(201);
  });

  test('a body that is not called JSON is refused with 400', async () => {
    const sandbox = await start();
    expect((await create(sandbox, { contentType: 'text/plain' })).status).toBe(400);
    expect((await create(sandbox, { contentType: 'application/json; charset=utf-8' })).status).toBe(201);
  });

  test.each([['a b'], ['a/b'], ['é'], ['c'.repeat(65)], ['c'.repeat(300)], ['%']])(
    'the contact id %j is refused with 400',
    async (contactId) => {
      const sandbox = await start();
      const answer = await create(sandbox, { contactId });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ status: 'error', data: [{ field: 'contactId' }] });
      expect((await list(sandbox, { contactId })).status).toBe(400);
    },
  );

  test.each([['c'.repeat(64)], ['Az09._@:+-']])('the contact id %j is accepted, decoded', async (contactId) => {
    const sandbox = await start();
    expect((await create(sandbox, { contactId })).status).toBe(201);
    expect(sandbox.memories()[0]?.contactId).toBe(contactId);
  });

  test('the contacts that the sample names as missing are 404, and others if ordered', async () => {
    const sandbox = await start();
    for (const contactId of ['C-1999', 'C-2000', 'C-2001']) {
      const answer = await create(sandbox, { contactId });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toEqual({ status: 'error', message: 'Contact not found' });
      expect((await list(sandbox, { contactId })).status).toBe(404);
    }
    const other = await start({ missing: ['C-7'] });
    expect((await create(other, { contactId: 'C-7' })).status).toBe(404);
    expect((await create(other, { contactId: 'C-1999' })).status).toBe(201);
  });

  test('a foreign sub organization is 403 for every call', async () => {
    const sandbox = await start();
    const answer = await create(sandbox, { subOrg: 'so-elsewhere' });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({ status: 'error', message: expect.any(String) });
    expect((await list(sandbox, { subOrg: 'so-elsewhere' })).status).toBe(403);
    expect((await remove(sandbox, 'mem_1', { subOrg: 'so-elsewhere' })).status).toBe(403);
    const other = await start({ foreignSubOrgs: ['so-9'] });
    expect((await create(other, { subOrg: 'so-elsewhere' })).status).toBe(201);
    expect((await create(other, { subOrg: 'so-9' })).status).toBe(403);
  });
});

describe('list', () => {
  test('it shows one contact of one sub organization, in the order of creation', async () => {
    const sandbox = await start();
    await create(sandbox, { body: { name: 'n', text: 'first' } });
    await create(sandbox, { body: { name: 'n', text: 'of a sub organization' }, subOrg: 'so-1' });
    await create(sandbox, { body: { name: 'n', text: 'of somebody else' }, contactId: 'C-2' });
    await create(sandbox, { body: { name: 'n', text: 'second' } });
    expect(await listedTexts(sandbox)).toEqual(['first', 'second']);
    expect(await listedTexts(sandbox, { subOrg: 'so-1' })).toEqual(['of a sub organization']);
    expect(await listedTexts(sandbox, { contactId: 'C-3' })).toEqual([]);
  });

  test('an entry is the memory as the 201 showed it', async () => {
    const sandbox = await start();
    const { data: created } = (await (await create(sandbox)).json()) as { data: unknown };
    expect(await (await list(sandbox)).json()).toEqual({ status: 'success', data: [created] });
  });

  test('it needs the key and a known status', async () => {
    const sandbox = await start();
    expect((await list(sandbox, { key: 'wrong' })).status).toBe(401);
    expect((await list(sandbox, { query: '?status=GONE' })).status).toBe(400);
  });
});

describe('delete', () => {
  test('a deleted memory is out of lists and stats, and stays visible under its status', async () => {
    const sandbox = await start();
    await create(sandbox, { body: { name: 'n', text: 'twice' } });
    await create(sandbox, { body: { name: 'n', text: 'twice' } });
    const id = sandbox.memories()[1]?.id ?? '';
    const answer = await remove(sandbox, id);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'success', data: { id, status: 'DELETED', updatedAt: expect.any(String) } });
    expect(await listedTexts(sandbox)).toHaveLength(1);
    expect(await listedTexts(sandbox, { query: '?status=ACTUAL' })).toHaveLength(1);
    expect(await listedTexts(sandbox, { query: '?status=OUTDATED' })).toHaveLength(0);
    expect(await listedTexts(sandbox, { query: '?status=DELETED' })).toHaveLength(1);
    expect(sandbox.stats()).toMatchObject({ created: 1, distinct: 1, duplicates: 0 });
    expect(sandbox.memories().map(({ status }) => status)).toEqual(['ACTUAL', 'DELETED']);
  });

  test('behind the API\u2019s back a memory is altered, outdated or deleted, and lists say so', async () => {
    const sandbox = await start();
    const [first, second, third] = [1, 2, 3].map((n) => sandbox.seed('C-1', { name: 'n', text: `t ${n}` }));
    sandbox.change(first!.id, { text: 'altered' });
    sandbox.change(second!.id, { status: 'OUTDATED' });
    sandbox.change(third!.id, { status: 'DELETED' });
    expect(await listedTexts(sandbox)).toEqual(['altered', 't 2']);
    expect(await listedTexts(sandbox, { query: '?status=ACTUAL' })).toEqual(['altered']);
    expect(await listedTexts(sandbox, { query: '?status=DELETED' })).toEqual(['t 3']);
    expect((await remove(sandbox, third!.id)).status).toBe(404);
    expect(sandbox.memories()[0]).toMatchObject({ name: 'n', text: 'altered', updatedAt: expect.any(String) });
    expect(sandbox.requests().length).toBe(4);
    expect(() => sandbox.change('mem_none', {})).toThrow(RangeError);
  });

  test('lists that show deleted memories show their status', async () => {
    const sandbox = await start({ lists: { showDeleted: true } });
    await remove(sandbox, sandbox.seed('C-1', { name: 'n', text: 't' }).id);
    expect(await (await list(sandbox)).json()).toMatchObject({ data: [{ text: 't', status: 'DELETED' }] });
    expect(await listedTexts(sandbox, { query: '?status=ACTUAL' })).toEqual([]);
  });

  test('what is unknown, deleted already or of another sub organization is 404', async () => {
    const sandbox = await start();
    const mine = sandbox.seed('C-1', { name: 'n', text: 't', subOrg: 'so-1' });
    expect((await remove(sandbox, 'mem_none')).status).toBe(404);
    expect((await remove(sandbox, mine.id)).status).toBe(404);
    expect((await remove(sandbox, mine.id, { subOrg: 'so-1', key: 'wrong' })).status).toBe(401);
    expect((await remove(sandbox, mine.id, { subOrg: 'so-1' })).status).toBe(200);
    expect((await remove(sandbox, mine.id, { subOrg: 'so-1' })).status).toBe(404);
    const later = sandbox.seed('C-1', { name: 'n', text: 't' });
    expect((await remove(sandbox, later.id)).status).toBe(200);
  });
});

describe('beside the API', () => {
  test('/__stats tells what was seen, without a key, and does not count itself', async () => {
    const sandbox = await start();
    await create(sandbox);
    await create(sandbox);
    await create(sandbox, { subOrg: 'so-1' });
    await create(sandbox, { contactId: 'C-2000' });
    await list(sandbox);
    await fetch(`${sandbox.url}/__stats`);
    const stats = await (await fetch(`${sandbox.url}/__stats`)).json();
    expect(stats).toEqual({
      created: 3,
      distinct: 2,
      duplicates: 1,
      requests: 5,
      byStatus: { '200': 1, '201': 3, '404': 1 },
      peakConcurrency: 1,
    });
    expect(sandbox.stats()).toEqual(stats);
  });

  test.each([
    ['GET', '/'],
    ['GET', '/contacts'],
    ['PUT', '/contacts/C-1/memories'],
    ['POST', '/v1/contacts/C-1/memories'],
    ['HEAD', '/contacts/C-1/memories'],
  ])('%s %s is no path of the API: 404, and not in the form of the API', async (method, path) => {
    const sandbox = await start();
    const answer = await fetch(sandbox.url + path, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const text = await answer.text();
    expect(text === '' ? { statusCode: 404 } : JSON.parse(text)).not.toHaveProperty('status');
    expect(sandbox.stats()).toMatchObject({ requests: 1, byStatus: { '404': 1 } });
  });

  test('a path that cannot be decoded is 400', async () => {
    const sandbox = await start();
    const answer = await fetch(`${sandbox.url}/contacts/%E0%A4%A/memories`);
    expect(answer.status).toBe(400);
    expect(sandbox.stats().byStatus).toEqual({ '400': 1 });
  });

  test('bodies of up to a mebibyte are read, larger ones are 413', async () => {
    const sandbox = await start();
    const padding = (bytes: number) => `{"name":"n","text":"t"${' '.repeat(bytes - 23)}}`;
    expect(padding(100)).toHaveLength(100);
    expect((await create(sandbox, { body: padding(1024 * 1024) })).status).toBe(201);
    expect((await create(sandbox, { body: padding(1024 * 1024 + 1) })).status).toBe(413);
    expect(sandbox.stats()).toMatchObject({ created: 1, byStatus: { '201': 1, '413': 1 } });
  });

  test('the log has each request with its key, its sub organization and its answer', async () => {
    const sandbox = await start({ now: () => 1000 });
    await create(sandbox, { subOrg: 'so-1' });
    await list(sandbox, { key: 'wrong', contactId: 'a@b', query: '?status=ACTUAL' });
    await remove(sandbox, 'mem_1');
    const common = { at: 1000, authorization: 'sandbox-key', subOrg: null };
    expect(sandbox.requests()).toEqual([
      { ...common, method: 'POST', path: '/contacts/C-1/memories', contactId: 'C-1', subOrg: 'so-1', status: 201 },
      { ...common, method: 'GET', path: '/contacts/a%40b/memories?status=ACTUAL', contactId: 'a@b', status: 401, authorization: 'wrong' },
      { ...common, method: 'DELETE', path: '/memories/mem_1', contactId: null, status: 404 },
    ]);
  });

  test('the log keeps the newest requests only, and the stats all', async () => {
    const sandbox = await start({ keepRequests: 2 });
    for (const contactId of ['C-1', 'C-2', 'C-3']) await create(sandbox, { contactId });
    expect(sandbox.requests().map(({ contactId }) => contactId)).toEqual(['C-2', 'C-3']);
    expect(sandbox.stats().requests).toBe(3);
  });
});
