import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBehaviour, PLAIN } from '../../../bench/stub/behaviour.js';
import { LIMIT_KINDS, openLimit } from '../../../bench/stub/limits.js';
import { createRequestParser, type StubRequest } from '../../../bench/stub/request-parser.js';

const note = (text: string) => {
  const body = Buffer.from(JSON.stringify({ name: 'Größe', text }));
  return Buffer.concat([
    Buffer.from(`POST /contacts/C-1/memories HTTP/1.1\r\nhost: x\r\nContent-Length: ${body.length}\r\naccept: */*\r\n\r\n`),
    body,
  ]);
};
const list = Buffer.from('GET /contacts/C-1/memories?status=ACTUAL HTTP/1.1\r\nhost: x\r\n\r\n');
const traffic = Buffer.concat([note('one\n\n'), list, note('two'), note('two')]);

function parsed(chunks: readonly Buffer[]): readonly StubRequest[] {
  const requests: StubRequest[] = [];
  const parser = createRequestParser((request) => requests.push(request));
  for (const chunk of chunks) parser.feed(chunk);
  return requests;
}

describe('the request parser of the stub', () => {
  it('reads requests wherever the chunks end', () => {
    const whole = parsed([traffic]);
    expect(whole.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'POST /contacts/C-1/memories',
      'GET /contacts/C-1/memories?status=ACTUAL',
      'POST /contacts/C-1/memories',
      'POST /contacts/C-1/memories',
    ]);
    expect(Buffer.from(whole[0]!.body, 'latin1').toString('utf8')).toBe('{"name":"Größe","text":"one\\n\\n"}');
    for (let at = 1; at < traffic.length; at++) expect(parsed([traffic.subarray(0, at), traffic.subarray(at)])).toEqual(whole);
    expect(parsed(Array.from(traffic, (byte) => Buffer.of(byte)))).toEqual(whole);
  });

  it('refuses a body whose length it would have to guess', () => {
    expect(() => parsed([Buffer.from('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n')])).toThrow('Content-Length');
  });
});

describe('the limits of the stub', () => {
  it.each(LIMIT_KINDS)('a %s lets its rate through, and no more', (kind) => {
    const admits = openLimit({ kind, perSecond: 50 }, 0);
    let admitted = 0;
    // Three times the limit, evenly, for ten seconds.
    for (let now = 0; now < 10_000; now += 1000 / 150) if (admits(now)) admitted++;
    const burst = kind === 'token bucket' ? 50 : 0;
    expect(admitted).toBeGreaterThanOrEqual(495 + burst);
    expect(admitted).toBeLessThanOrEqual(501 + burst);
  });
});

describe('the behaviour of the stub', () => {
  const create: StubRequest = { method: 'POST', target: '/contacts/C-1/memories', body: '{"name":"a","text":"b"}' };

  it('tells copies from distinct memories, and lists what it keeps', () => {
    const behaviour = createBehaviour({ ...PLAIN, keepMemories: true });
    expect(behaviour.reply(create, 0)).toMatch(/^HTTP\/1.1 201 /);
    behaviour.reply(create, 0);
    behaviour.reply({ ...create, target: '/contacts/C-2/memories' }, 0);
    const listed = String(behaviour.reply({ ...create, method: 'GET', body: '' }, 0));
    expect(JSON.parse(listed.slice(listed.indexOf('\r\n\r\n'))).data).toMatchObject([{ name: 'a', text: 'b' }, { id: 'mem_2' }]);
    expect(behaviour.stats()).toMatchObject({ created: 3, distinct: 2, duplicates: 1, requests: 4, lists: 1 });
  });

  it('creates before it loses an answer, and not where it refuses', () => {
    const after = createBehaviour({ ...PLAIN, faults: { 'reset-after': 1 } });
    expect(after.reply(create, 0)).toBe('reset');
    expect(after.stats()).toMatchObject({ created: 1, byStatus: { 0: 1 } });
    const before = createBehaviour({ ...PLAIN, faults: { '503': 1 } });
    expect(before.reply(create, 0)).toMatch(/^HTTP\/1.1 503 /);
    expect(before.stats()).toMatchObject({ created: 0, byStatus: { 503: 1 } });
  });

  it('says when to come back only where it is told to', () => {
    const refusal = (retryAfter: boolean) => {
      const behaviour = createBehaviour({ ...PLAIN, limit: { kind: 'sliding window', perSecond: 1 }, retryAfter });
      behaviour.reply(create, 0);
      return behaviour.reply(create, 1);
    };
    expect(refusal(true)).toContain('\r\nretry-after: 1\r\n');
    expect(refusal(false)).not.toContain('retry-after');
  });
});

const hasCompiler = spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0;

// Without a C compiler the benchmark does with the stub in Node, so that is no failure, in CI either. Debian: apt-get install gcc libc6-dev
describe.skipIf(!hasCompiler)('the stub in C', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-stub-'));
  let stub: ChildProcess;
  let port: number;

  beforeAll(async () => {
    const source = fileURLToPath(new URL('../../../bench/stub/stub.c', import.meta.url));
    const compiled = spawnSync('cc', [
      '-std=gnu11',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-fsanitize=undefined',
      '-o',
      join(folder, 'stub'),
      source,
    ]);
    expect(compiled.stderr.toString()).toBe('');
    stub = spawn(join(folder, 'stub'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = await once(createInterface({ input: stub.stdout! }), 'line');
    port = Number(line);
  });
  afterAll(async () => {
    const ended = once(stub, 'exit');
    stub.stdin!.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  /** What comes back for these chunks, each sent when the one before has left. */
  async function answers(chunks: readonly Buffer[], count: number): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    let received = '';
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
        // Each ends with the brace of its JSON.
        if (received.split('HTTP/1.1 ').length === count + 1 && received.endsWith('}')) resolve();
      });
    });
    for (const chunk of chunks) await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    await whole;
    socket.destroy();
    return received.replaceAll(/date: [^\r]*|"createdAt":"[^"]*"/gi, '');
  }

  async function admin(path: string, init?: RequestInit): Promise<unknown> {
    return (await fetch(`http://127.0.0.1:${port}${path}`, init)).json();
  }

  it.each([
    ['whole', [traffic]],
    ['cut in the middle of a head', [traffic.subarray(0, 40), traffic.subarray(40)]],
    ['cut in the middle of a body', [traffic.subarray(0, 100), traffic.subarray(100, 300), traffic.subarray(300)]],
    ['in bytes', Array.from(traffic, (byte) => Buffer.of(byte))],
  ])('answers as the one in Node does, and counts the same: %s', async (_, chunks) => {
    await admin('/__reset', { method: 'POST', body: '{"latencyMs":0}' });
    const behaviour = createBehaviour(PLAIN);
    const expected = parsed([traffic]).map((request) => String(behaviour.reply(request, Date.now())));
    expect(await answers(chunks, 4)).toBe(expected.join('').replaceAll(/date: [^\r]*|"createdAt":"[^"]*"/gi, ''));
    const { created, distinct, duplicates, requests, lists } = behaviour.stats();
    expect(await admin('/__stats')).toMatchObject({ created, distinct, duplicates, requests, lists });
  });

  it('keeps answers back for its latency', async () => {
    await admin('/__reset', { method: 'POST', body: '{"latencyMs":60}' });
    const before = performance.now();
    await answers([traffic], 4);
    // A timer may be a millisecond early by another clock.
    expect(performance.now() - before).toBeGreaterThanOrEqual(59);
  });
});
