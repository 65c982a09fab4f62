import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { clientOf, listen, NOTE, startHttp, startRaw } from './stub-server.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function serveRaw(answer: Parameters<typeof startRaw>[0], options: Parameters<typeof clientOf>[1] = {}) {
  const server = await startRaw(answer);
  const client = clientOf(server.url, options);
  cleanUps.push(server.stop, client.close);
  return { server, client };
}

describe('before the first byte', () => {
  it('a refused connection is not sent', async () => {
    const server = await listen(createServer());
    await server.stop();
    const client = clientOf(server.url);
    cleanUps.push(client.close);
    const answer = await client.create(NOTE);
    expect(answer).toMatchObject({ status: null, verdict: { kind: 'not_sent', code: 'ECONNREFUSED' } });
    expect(answer.verdict).toHaveProperty('message', expect.stringContaining(`127.0.0.1:${server.port}: connection refused`));
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: true, status: null });
  });

  it('a server that comes back is found again', async () => {
    const first = await listen(createServer());
    await first.stop();
    const client = clientOf(first.url, { connections: 2 });
    cleanUps.push(client.close);
    for (const { verdict } of await Promise.all(Array.from({ length: 9 }, () => client.create(NOTE))))
      expect(verdict.kind).toBe('not_sent');
    const server = createServer((socket) => socket.on('data', () => socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n')));
    server.listen(first.port, '127.0.0.1');
    await once(server, 'listening');
    // Runs after the client's, which closes the connection that this waits for.
    cleanUps.unshift(() => new Promise((resolve) => server.close(() => resolve())));
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'created' } });
  });

  it("a host's name that can't be resolved is not sent", async () => {
    const client = clientOf(new URL('http://something.invalid'));
    cleanUps.push(client.close);
    const { verdict } = await client.create(NOTE);
    expect(verdict).toMatchObject({ kind: 'not_sent', code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) });
    expect(verdict).toHaveProperty('message', expect.stringContaining("something.invalid: the host's name can't be resolved"));
  });

  it('a failed TLS handshake is not sent', async () => {
    const server = await startHttp((_, response) => response.end());
    const client = clientOf(new URL(`https://127.0.0.1:${server.port}`));
    cleanUps.push(server.stop, client.close);
    const { verdict } = await client.create(NOTE);
    expect(verdict).toMatchObject({ kind: 'not_sent', message: expect.stringContaining('no TLS connection') });
    expect(server.seen).toEqual([]);
  });

  it('a connection cut in the TLS handshake is not sent', async () => {
    const server = await listen(createServer((socket) => socket.on('data', () => socket.destroy()).on('error', () => {})));
    const client = clientOf(new URL(`https://127.0.0.1:${server.port}`));
    cleanUps.push(server.stop, client.close);
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent' } });
  });

  it('a TLS handshake that never ends is not sent when the deadline has passed', async () => {
    const server = await listen(createServer((socket) => socket.on('error', () => {}).resume()));
    const client = clientOf(new URL(`https://127.0.0.1:${server.port}`), { timeoutMs: 100 });
    cleanUps.push(server.stop, client.close);
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'not_sent', code: 'TIMEOUT_BEFORE_SEND' } });
  });
});

describe('after the first byte', () => {
  it.each([
    ['a reset', (end: Closer) => end.resetAndDestroy()],
    ['an orderly end', (end: Closer) => end.end()],
    ['half a status line', (end: Closer) => end.end('HTTP/1.1 20')],
    ['half of the headers', (end: Closer) => end.end('HTTP/1.1 201 Created\r\ncontent-le')],
    ['no HTTP', (end: Closer) => end.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['an answer that is only announced', (end: Closer) => end.end('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')],
    ['100 Continue, then nothing', (end: Closer) => end.end('HTTP/1.1 100 Continue\r\n\r\n')],
    [
      'an upgrade nobody asked for',
      (end: Closer) => end.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
    ['headers without end', (end: Closer) => end.write(`HTTP/1.1 201 Created\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)],
  ])('%s is doubt, and the request is not sent again', async (_, answer) => {
    let requests = 0;
    const { client } = await serveRaw((socket) => {
      requests += 1;
      answer(socket);
    });
    const { verdict, status } = await client.create(NOTE);
    expect(verdict).toMatchObject({ kind: 'doubt', class: 'network', status: null });
    expect(status).toBeNull();
    expect(requests).toBe(1);
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: true });
  });

  it('an answer after 103 Early Hints is read', async () => {
    const { client } = await serveRaw((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 19\r\n\r\n{"data":{"id":"m"}}');
    });
    expect(await client.create(NOTE)).toMatchObject({ status: 201, verdict: { kind: 'created', memory: { id: 'm' } } });
  });

  it('no answer within the deadline is doubt', async () => {
    const { client } = await serveRaw(() => {}, { timeoutMs: 400 });
    const answer = await client.create(NOTE);
    expect(answer.verdict).toEqual({
      kind: 'doubt',
      class: 'network',
      status: null,
      message: 'the request was sent, no answer within 400 ms',
    });
    expect(answer.durationMs).toBeGreaterThanOrEqual(395);
    expect(answer.durationMs).toBeLessThan(4_000);
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: true });
  });

  it('an answer that lies in the socket when a long pause of this process ends still counts', async () => {
    const { client } = await serveRaw(
      (socket) => {
        socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
        // Server and client share this process: all stands still until the deadline has passed.
        const until = performance.now() + 900;
        while (performance.now() < until);
      },
      { timeoutMs: 700 },
    );
    expect((await client.create(NOTE)).verdict.kind).toBe('created');
  });

  it.each([
    [
      'cut off by a reset',
      (end: Closer) => end.write('HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"data":', () => end.resetAndDestroy()),
    ],
    ['cut off by an end', (end: Closer) => end.end('HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"data":')],
    ['cut off in a chunk', (end: Closer) => end.end('HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"data":')],
    ['with broken chunks', (end: Closer) => end.end('HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{"data":')],
    ['that never ends', (end: Closer) => end.write('HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"data":')],
    ['that is empty', (end: Closer) => end.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n')],
    ['that is a page', (end: Closer) => end.end('HTTP/1.1 201 Created\r\n\r\n<html>')],
  ])('a 201 with a body %s is created', async (_, answer) => {
    const { client } = await serveRaw(answer, { timeoutMs: 800 });
    expect(await client.create(NOTE)).toMatchObject({ status: 201, verdict: { kind: 'created', memory: null } });
  });

  it('a list that is cut off is no list', async () => {
    const { client } = await serveRaw((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"status":"success","data":[]}'),
    );
    expect(await client.list(NOTE)).toMatchObject({ kind: 'unlisted', outage: true, status: 200 });
  });

  it('a 404 whose body is cut off is no missing contact', async () => {
    const { client } = await serveRaw((socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 500\r\n\r\n{"status":"error",'));
    expect(await client.create(NOTE)).toMatchObject({ verdict: { kind: 'refused', class: 'rejected', fromApi: false } });
  });

  it('the next request gets a connection of its own after each of these', async () => {
    const { client, server } = await serveRaw(
      (socket, number) => {
        if (number % 2 === 1) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
      },
      { connections: 1 },
    );
    const kinds: string[] = [];
    for (let round = 0; round < 6; round++) kinds.push((await client.create(NOTE)).verdict.kind);
    expect(kinds).toEqual(['doubt', 'created', 'doubt', 'created', 'doubt', 'created']);
    expect(server.sockets.length).toBe(4);
  });
});

describe('a body beyond the limit', () => {
  it.each([
    [500, { kind: 'doubt', class: 'server_error', message: expect.stringMatching(/^500 Internal Server Error: x+…$/) }],
    [404, { kind: 'refused', class: 'rejected' }],
    [201, { kind: 'created', memory: null }],
  ])('a 50 MB body of a %i is neither held nor read to its end', async (status, verdict) => {
    const total = 50 * 1024 * 1024;
    let written = 0;
    let closed: Promise<unknown> = Promise.resolve();
    const server = await startHttp((_, response) => {
      response.writeHead(status, { 'content-length': total });
      closed = once(response, 'close');
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = () => {
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    });
    const client = clientOf(server.url);
    cleanUps.push(server.stop, client.close);
    expect(await client.create(NOTE)).toMatchObject({ status, verdict });
    await closed;
    // What the sockets of both sides buffer, some MB at most.
    expect(written).toBeLessThan(total / 4);
  });
});

type Closer = Parameters<Parameters<typeof startRaw>[0]>[0];
