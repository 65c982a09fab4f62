import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../src/callers/client.js';
import { UserError } from '../../../src/errors.js';
import { clientOf, KEY, NOTE, type Stub, startHttp } from './stub-server.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const created = (id: string) => JSON.stringify({ status: 'success', data: { id, createdAt: '2026-11-23T03:07:49Z' } });

async function serve(answer: Parameters<typeof startHttp>[0], options: Parameters<typeof clientOf>[1] = {}) {
  const server = await startHttp(answer);
  const client = clientOf(options.baseUrl ?? server.url, options);
  cleanUps.push(server.stop, client.close);
  return { server, client };
}

describe('a create', () => {
  it('is one POST with the key as it is, the note as JSON and the name of this program', async () => {
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')), {
      userAgent: 'memory-import/9.9.9',
    });
    const answer = await client.create({ ...NOTE, name: 'Größe "5" 😀', text: 'a\r\nb' });
    expect(answer).toMatchObject({ status: 201, verdict: { kind: 'created', memory: { id: 'm-1', createdAt: '2026-11-23T03:07:49Z' } } });
    expect(answer.durationMs).toBeGreaterThan(0);
    const [seen] = server.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/contacts/c-1/memories' });
    expect(seen?.headers).toMatchObject({
      authorization: KEY,
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'memory-import/9.9.9',
    });
    expect(seen?.headers).not.toHaveProperty('x-sub-organization-id');
    expect(JSON.parse(seen?.body ?? '')).toEqual({ name: 'Größe "5" 😀', text: 'a\r\nb' });
  });

  it('isn\u2019t sent where the last question says no; a list is', async () => {
    const asked: boolean[] = [true, false];
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')), {
      mayCreate: () => asked.shift() ?? false,
    });
    expect((await client.create(NOTE)).verdict).toMatchObject({ kind: 'created' });
    expect((await client.create(NOTE)).verdict).toMatchObject({ kind: 'not_sent', code: 'TOO_LATE' });
    await client.list({ contactId: 'c-1', subOrg: null });
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  it('names the sub organization where there is one', async () => {
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')));
    await client.create({ ...NOTE, subOrg: 'org 7' });
    await client.list({ contactId: 'c-1', subOrg: 'org 8' });
    expect(server.seen.map((seen) => seen.headers['x-sub-organization-id'])).toEqual(['org 7', 'org 8']);
  });

  it.each([
    ['a/b', '/contacts/a%2Fb/memories'],
    ['a?b#c', '/contacts/a%3Fb%23c/memories'],
    ['%2F', '/contacts/%252F/memories'],
    ['😀 ü+1', '/contacts/%F0%9F%98%80%20%C3%BC%2B1/memories'],
    ['../..', '/contacts/..%2F../memories'],
    ['a\\b', '/contacts/a%5Cb/memories'],
    ['...', '/contacts/.../memories'],
  ])('the contact id %j arrives as one segment', async (contactId, url) => {
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')));
    await client.create({ ...NOTE, contactId });
    expect(server.seen.map((seen) => seen.url)).toEqual([url]);
    expect(decodeURIComponent(url.split('/')[2] ?? '')).toBe(contactId);
  });

  it.each(['', '.', '..', '\ud800'])('a contact id that no encoding makes a segment is not sent: %j', async (contactId) => {
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')));
    expect(await client.create({ ...NOTE, contactId })).toMatchObject({ verdict: { kind: 'not_sent', code: 'INVALID_CONTACT_ID' } });
    expect(server.seen).toEqual([]);
  });

  it("keeps the base URL's path prefix", async () => {
    const server = await startHttp((_, response) => response.writeHead(201).end(created('m-1')));
    const client = clientOf(new URL('/eu/v1/', server.url));
    cleanUps.push(server.stop, client.close);
    await client.create(NOTE);
    expect(server.seen[0]?.url).toBe('/eu/v1/contacts/c-1/memories');
  });

  it('uses a connection again, and no more of them than it may', async () => {
    const { server, client } = await serve((_, response) => response.writeHead(201).end(created('m-1')), { connections: 3 });
    await Promise.all(Array.from({ length: 30 }, () => client.create(NOTE)));
    expect(server.seen).toHaveLength(30);
    expect(server.connections()).toBe(3);
  });

  it('tells the pace and the difference of clocks from the headers', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const { client } = await serve((_, response) => {
      response.writeHead(201, { date, 'RateLimit-Remaining': '4', 'RateLimit-Reset': '2' }).end(created('m-1'));
    });
    expect(client.clockSkewMs()).toBeNull();
    expect((await client.create(NOTE)).pacing).toEqual({ remaining: 4, resetMs: 2_000 });
    expect(Math.abs(Number(client.clockSkewMs()) - 3_600_000)).toBeLessThan(1_100);
  });

  it('a Retry-After date is read against the clock of the server', async () => {
    const server = Date.UTC(2031, 0, 1);
    const { client } = await serve((_, response) => {
      const headers = { date: new Date(server).toUTCString(), 'retry-after': new Date(server + 9_000).toUTCString() };
      response.writeHead(429, headers).end();
    });
    expect((await client.create(NOTE)).verdict).toMatchObject({ kind: 'rate_limited', status: 429, retryAfterMs: 9_000 });
  });
});

describe('answers', () => {
  const apiError = JSON.stringify({ status: 'error', message: 'bad', data: [{ field: 'text' }] });
  it.each([
    [200, '{}', { kind: 'doubt', class: 'server_error', status: 200 }],
    [202, '', { kind: 'doubt', class: 'server_error', status: 202 }],
    [204, '', { kind: 'doubt', class: 'server_error', status: 204 }],
    [304, '', { kind: 'refused', class: 'rejected', fromApi: false }],
    [400, apiError, { kind: 'refused', class: 'bad_request', message: 'bad', details: [{ field: 'text' }], fromApi: true }],
    [400, '<h1>bad</h1>', { kind: 'refused', class: 'rejected', message: '400 Bad Request: bad', fromApi: false }],
    [401, '', { kind: 'unauthorized', message: '401 Unauthorized' }],
    [403, apiError, { kind: 'refused', class: 'forbidden', fromApi: true }],
    [404, apiError, { kind: 'refused', class: 'not_found', fromApi: true }],
    [407, '', { kind: 'refused', class: 'rejected', fromApi: false }],
    [408, '', { kind: 'doubt', class: 'server_error', status: 408 }],
    [422, apiError, { kind: 'refused', class: 'rejected', fromApi: true }],
    [429, '', { kind: 'rate_limited', retryAfterMs: null }],
    [500, '', { kind: 'doubt', class: 'server_error', status: 500 }],
    [502, '<title>Bad gateway</title>', { kind: 'doubt', message: '502 Bad Gateway: Bad gateway' }],
    [503, '', { kind: 'doubt', status: 503 }],
  ])('%i %j has its verdict, and leaves the connection usable', async (status, body, verdict) => {
    const { server, client } = await serve((_, response) => response.writeHead(status).end(body), { connections: 1 });
    expect(await client.create(NOTE)).toMatchObject({ status, verdict });
    expect(await client.create(NOTE)).toMatchObject({ status, verdict });
    expect(server.connections()).toBe(1);
  });

  it('a redirect to another origin is not followed: the key stays here', async () => {
    const elsewhere = await startHttp((_, response) => response.writeHead(201).end(created('stolen')));
    cleanUps.push(elsewhere.stop);
    for (const status of [301, 302, 303, 307, 308]) {
      const { client } = await serve((_, response) => response.writeHead(status, { location: `${elsewhere.url.href}take?key=1` }).end());
      const { verdict } = await client.create(NOTE);
      expect(verdict).toMatchObject({ kind: 'refused', class: 'rejected', status, fromApi: false });
      expect(verdict).toHaveProperty('message', expect.stringContaining(`points to http://127.0.0.1:${elsewhere.port}/take;`));
      expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: false });
    }
    expect(elsewhere.connections()).toBe(0);
  });

  it('the key never comes back, however a server echoes it', async () => {
    const key = 'Bearer sk"live/0123456789';
    const said = `no such key ${key}, token sk"live/0123456789`;
    const bodies = [
      JSON.stringify({ status: 'error', message: said, data: [{ [key]: { authorization: [key] } }] }),
      `<title>${key}</title>`,
      // Where the excerpt ends in the middle of the key.
      `${'x'.repeat(280)}${key}`,
      `{"status":"error","message":"${[...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"}`,
    ];
    for (const status of [200, 302, 400, 401, 404, 429, 500]) {
      for (const body of bodies) {
        const location = `/login/${encodeURIComponent(key)}`;
        const { client } = await serve((_, response) => response.writeHead(status, { location }).end(body), { apiKey: key });
        const told = JSON.stringify([await client.create(NOTE), await client.list(NOTE)]);
        expect(told).not.toMatch(/sk.{0,6}live/);
      }
    }
  });
});

describe('a key that is an everyday word', () => {
  it.each(['kind', 'status', 'error', 'message', 'data', 'id', 'k'])('%j changes no verdict', async (apiKey) => {
    const body = JSON.stringify({ status: 'error', message: 'no such contact', data: [] });
    const { client } = await serve((_, response) => response.writeHead(404).end(body), { apiKey });
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'refused', class: 'not_found', status: 404, fromApi: true } });
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: false });
  });
});

describe('a list', () => {
  const memory = { id: 'm-1', name: 'A', text: 'B', status: 'DELETED', createdAt: '2026-11-23T03:07:49Z' };

  it('is one unfiltered GET without a body', async () => {
    const { server, client } = await serve((_, response) => response.end(JSON.stringify({ status: 'success', data: [memory] })));
    expect(await client.list({ contactId: 'a/b', subOrg: null })).toMatchObject({
      kind: 'listed',
      status: 200,
      memories: [{ id: 'm-1', name: 'A', text: 'B', createdAt: Date.UTC(2026, 10, 23, 3, 7, 49) }],
    });
    expect(server.seen).toMatchObject([{ method: 'GET', url: '/contacts/a%2Fb/memories', body: '', headers: { authorization: KEY } }]);
    expect(server.seen[0]?.headers).not.toHaveProperty('content-type');
  });

  it('may be long, in many chunks, with characters split between them', async () => {
    const data = Array.from({ length: 2_000 }, (_, index) => ({ ...memory, id: index, text: '😀'.repeat(100) }));
    const bytes = Buffer.from(JSON.stringify({ status: 'success', data }));
    const { client } = await serve((_, response) => {
      for (let at = 0; at < bytes.length; at += 4_097) response.write(bytes.subarray(at, at + 4_097));
      response.end();
    });
    const answer = await client.list(NOTE);
    expect(answer.kind === 'listed' && answer.memories.every(({ text }) => text === data[0]?.text)).toBe(true);
    expect(answer).toHaveProperty('memories.length', 2_000);
  });

  it('a note in it that holds the key is compared as it is', async () => {
    const { client } = await serve((_, response) => response.end(JSON.stringify({ status: 'success', data: [{ ...memory, text: KEY }] })));
    expect(await client.list(NOTE)).toMatchObject({ memories: [{ text: KEY }] });
  });

  it("bytes that aren't UTF-8 make it no list", async () => {
    const body = Buffer.from(JSON.stringify({ status: 'success', data: [{ ...memory, text: 'é' }] }), 'latin1');
    const { client } = await serve((_, response) => response.end(body));
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: false });
  });

  it('beyond 32 MiB is no list, and is not read to its end', async () => {
    let ended = false;
    const { client } = await serve((_, response) => {
      response.on('error', () => {});
      response.write('{"status":"success","data":[');
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      let left = 200;
      const more = () => {
        while (left-- > 0) if (!response.write(chunk)) return;
        ended = true;
        response.end(']}');
      };
      response.on('drain', more);
      more();
    });
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: false, message: expect.stringContaining('too long') });
    expect(ended).toBe(false);
  });
});

describe('closing', () => {
  it('lets the requests under way end, sends no more, and closes the connections', async () => {
    let answer = () => {};
    const arrived = new Promise<Stub>((resolve) => {
      void serve((_, response) => {
        answer = () => response.writeHead(201).end(created('m-1'));
        resolve(server);
      }).then((made) => {
        server = made.server;
        client = made.client;
        underWay = client.create(NOTE);
      });
    });
    let server!: Awaited<ReturnType<typeof serve>>['server'];
    let client!: Awaited<ReturnType<typeof serve>>['client'];
    let underWay!: ReturnType<typeof client.create>;
    await arrived;
    let closed = false;
    const closing = client.close().then(() => {
      closed = true;
    });
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent', code: 'CLOSED' } });
    expect(closed).toBe(false);
    answer();
    expect(await underWay).toMatchObject({ verdict: { kind: 'created' } });
    await closing;
    await client.close();
    expect(server.seen).toHaveLength(1);
  });
});

describe('the options', () => {
  it.each(['', ' ', 'key\n', ' key', 'a\r\nx: y', 'schlüssel\u2026', 'a\u0000'])(
    'a key that no header can carry is refused, and not repeated: %j',
    (apiKey) => {
      const make = () => createClient({ baseUrl: new URL('http://127.0.0.1:9'), apiKey, timeoutMs: 1_000, connections: 1, env: {} });
      expect(make).toThrow(UserError);
      if (apiKey.length > 6) expect(make).not.toThrow(apiKey);
    },
  );
});
