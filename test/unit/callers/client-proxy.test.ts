import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../src/callers/client.js';
import { proxySettings } from '../../../src/callers/proxy.js';
import { clientOf, KEY, listen, NOTE, type Stub, startHttp } from './stub-server.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A proxy that answers CONNECT with a tunnel to `target`, whatever host was named, or as `refuse` says. */
async function startProxy(target: Stub, refuse?: (socket: Socket) => void): Promise<Stub & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', async (head) => {
      asked.push(head.toString('latin1'));
      if (refuse) return refuse(socket);
      const upstream = connect(target.port, '127.0.0.1').on('error', () => socket.destroy());
      await once(upstream, 'connect');
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
  });
  return { ...(await listen(server)), asked };
}

async function setUp(refuse?: (socket: Socket) => void) {
  const server = await startHttp((_, response) => response.writeHead(201).end('{"data":{"id":"m-1"}}'));
  const proxy = await startProxy(server, refuse);
  cleanUps.push(server.stop, proxy.stop);
  return { server, proxy };
}

function clientFor(baseUrl: string, env: Record<string, string>, timeoutMs = 5_000) {
  const client = clientOf(new URL(baseUrl), { env, timeoutMs });
  cleanUps.push(client.close);
  return client;
}

describe('a proxy of the environment', () => {
  it.each(['http_proxy', 'HTTP_PROXY'])('%s is used, with its credentials', async (variable) => {
    const { server, proxy } = await setUp();
    const client = clientFor('http://api.callers.test', { [variable]: `http://me:pass%20word@127.0.0.1:${proxy.port}` });
    expect(await client.create({ ...NOTE, contactId: 'a/b', subOrg: 'org' })).toMatchObject({
      verdict: { kind: 'created', memory: { id: 'm-1' } },
    });
    expect(proxy.asked[0]).toMatch(/^CONNECT api\.callers\.test:80 HTTP\/1\.1\r\n/);
    expect(proxy.asked[0]).toContain(`proxy-authorization: Basic ${Buffer.from('me:pass word').toString('base64')}`);
    expect(proxy.asked.join('')).not.toContain(KEY);
    expect(server.seen).toMatchObject([
      { url: '/contacts/a%2Fb/memories', headers: { host: 'api.callers.test', authorization: KEY, 'x-sub-organization-id': 'org' } },
    ]);
  });

  it('https goes through https_proxy, and speaks TLS to the origin only', async () => {
    const { server, proxy } = await setUp();
    const client = clientFor('https://api.callers.test', { HTTPS_PROXY: `127.0.0.1:${proxy.port}` });
    // The origin at the tunnel's other end speaks no TLS.
    expect(await client.create(NOTE)).toMatchObject({
      verdict: { kind: 'not_sent', message: expect.stringContaining('no TLS connection') },
    });
    expect(proxy.asked[0]).toMatch(/^CONNECT api\.callers\.test:443 /);
    expect(server.seen).toEqual([]);
  });

  it('loopback bypasses it', async () => {
    const { server, proxy } = await setUp();
    const client = clientFor(server.url.href, { HTTP_PROXY: proxy.url.href, http_proxy: proxy.url.href });
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'created' } });
    expect(proxy.connections()).toBe(0);
  });

  it('no_proxy bypasses it', async () => {
    const { proxy } = await setUp();
    const client = clientFor('http://api.callers.invalid', { HTTP_PROXY: proxy.url.href, NO_PROXY: 'example.com, .callers.invalid' });
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent' } });
    expect(proxy.connections()).toBe(0);
  });

  it.each([
    [
      'that wants other credentials',
      '407',
      (socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n'),
    ],
    ['that is not allowed to go there', '403', (socket: Socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')],
    ['that hangs up', 'closed', (socket: Socket) => socket.end()],
    ['that resets', 'reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('a proxy %s: not sent, without connecting again and again', async (_, words, refuse) => {
    const { server, proxy } = await setUp(refuse);
    const client = clientFor('http://api.callers.test', { HTTP_PROXY: proxy.url.href }, 4_000);
    const { verdict, durationMs } = await client.create(NOTE);
    expect(verdict).toMatchObject({ kind: 'not_sent', message: expect.stringContaining(words) });
    expect(durationMs).toBeLessThan(3_000);
    expect(proxy.connections()).toBeLessThanOrEqual(2);
    expect(server.seen).toEqual([]);
  });

  it('a proxy that never answers: not sent, and its place is free again', async () => {
    let hang = true;
    const { server, proxy } = await setUp((socket) => {
      if (hang) return;
      const upstream = connect(server.port, '127.0.0.1');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    const client = clientOf(new URL('http://api.callers.test'), { env: { HTTP_PROXY: proxy.url.href }, timeoutMs: 300, connections: 1 });
    cleanUps.push(client.close);
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent', code: 'TIMEOUT_BEFORE_SEND' } });
    hang = false;
    let { verdict } = await client.create(NOTE);
    for (let tries = 0; verdict.kind !== 'created' && tries < 10; tries++) ({ verdict } = await client.create(NOTE));
    expect(verdict.kind).toBe('created');
  });

  it('what waited for its connection until the deadline had passed is never sent, even if the connection comes', async () => {
    let open = () => {};
    const { server, proxy } = await setUp((socket) => {
      open = () => {
        const upstream = connect(server.port, '127.0.0.1');
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      };
      if (server.seen.length > 0 || late) open();
    });
    let late = false;
    const client = clientOf(new URL('http://api.callers.test'), { env: { HTTP_PROXY: proxy.url.href }, timeoutMs: 200, connections: 1 });
    cleanUps.push(client.close);
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent', code: 'TIMEOUT_BEFORE_SEND' } });
    late = true;
    open();
    let { verdict } = await client.create({ ...NOTE, contactId: 'later' });
    for (let tries = 0; verdict.kind !== 'created' && tries < 10; tries++)
      ({ verdict } = await client.create({ ...NOTE, contactId: 'later' }));
    expect(verdict.kind).toBe('created');
    expect(new Set(server.seen.map((seen) => seen.url))).toEqual(new Set(['/contacts/later/memories']));
  });

  it('a proxy that is not there is not sent', async () => {
    const { proxy } = await setUp();
    await proxy.stop();
    const client = clientFor('http://api.callers.test', { HTTP_PROXY: proxy.url.href });
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent', code: 'ECONNREFUSED' } });
  });
});

describe('the settings', () => {
  const https = new URL('https://api.callers.test');
  it.each([
    [{}, null],
    [{ HTTPS_PROXY: '' }, null],
    [{ HTTP_PROXY: 'http://p:1' }, null],
    [{ HTTPS_PROXY: 'http://p:1' }, { proxy: 'http://p:1', noProxy: '' }],
    [
      { https_proxy: 'https://p:1', HTTPS_PROXY: 'http://q:2', no_proxy: 'a', NO_PROXY: 'b' },
      { proxy: 'https://p:1', noProxy: 'a' },
    ],
    [{ HTTPS_PROXY: ' p:1 ' }, { proxy: 'http://p:1', noProxy: '' }],
  ])('for https, %j means %j', (env, expected) => {
    expect(proxySettings(https, env)).toEqual(expected);
  });

  it.each(['http://localhost:1', 'http://127.0.0.1', 'http://127.9.9.9', 'http://127.1', 'http://[::1]:8', 'https://x.localhost'])(
    '%s is loopback',
    (url) => {
      expect(proxySettings(new URL(url), { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1' })).toBeNull();
    },
  );

  it.each(['socks5://me:secret@p:1', 'http://me:secret@', 'http://me:secret@p:99999'])('%s is refused by name, not by value', (value) => {
    const make = () => createClient({ baseUrl: https, apiKey: KEY, timeoutMs: 1, connections: 1, env: { HTTPS_PROXY: value } });
    expect(make).toThrow(/^HTTPS_PROXY must be/);
    expect(make).not.toThrow(/secret/);
  });
});
