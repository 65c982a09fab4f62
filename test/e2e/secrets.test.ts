import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { type Bench, test } from '../support/bench.js';
import { csvOf, type Note } from '../support/notes.js';

const SECRET_KEY = 'ck_live_5ecret-0f-the-Account';
const MARKER = 'Zyxomma petiolatum';
const NOTES: readonly Note[] = Array.from({ length: 12 }, (_, i) => ({
  contactId: `C-${(i % 4) + 1}`,
  name: `Visit ${i + 1} ${MARKER} in the name`,
  text: `The ${MARKER} was seen at the pond, visit ${i + 1}`,
}));

describe.concurrent('never writes the API key or the text of a note where others read', () => {
  test('not to stdout, stderr at trace level, the reports, the ledger or its side files, though the API echoes the note', async ({
    createBench,
  }) => {
    const bench = await createBench({
      apiKey: SECRET_KEY,
      answerWith: ({ method, contactId, name, text, repeat }) => {
        if (method !== 'POST') return undefined;
        const echo = {
          status: 'error',
          message: `Can't take "${text}" of ${name}; Authorization was ${SECRET_KEY}`,
          data: [{ field: 'text', value: text }],
        };
        if (contactId === 'C-1') return { status: 400, body: echo };
        if (contactId === 'C-2') return repeat === 0 ? { status: 500, body: echo } : undefined;
        if (contactId === 'C-3') return { status: 409, body: `<p>${text}</p>` };
        return undefined;
      },
    });
    bench.write('notes.csv', csvOf(NOTES));
    bench.write('key.txt', `${SECRET_KEY}\n`);
    const keyArgs = ['--api-key-file', 'key.txt', '--log-level', 'trace'];
    const results = [
      await bench.import(['notes.csv', ...keyArgs], { env: { CALLERS_API_KEY: '' } }),
      await bench.run(['import', 'notes.csv', '--log-level', 'trace', '--reconcile-wait', '300ms'], {
        env: { CALLERS_API_KEY: SECRET_KEY },
      }),
      await bench.run(['plan', 'notes.csv'], { env: { CALLERS_API_KEY: SECRET_KEY } }),
      await bench.run(['runs', '--json']),
      await bench.run(['doctor'], { env: { CALLERS_API_KEY: SECRET_KEY } }),
    ];
    expect(results.map(({ code }) => code)).toEqual([1, 1, 0, 0, 0]);
    expect(bench.sandbox.stats().created).toBe(6);
    bench.write('ids.csv', 'contactId\nC-8\nC-9\n');
    const constants = ['--set', `name=${MARKER}`, '--set', 'text=A heron was seen at the pond'];
    const constant = await bench.import(['ids.csv', ...constants, ...keyArgs], { env: { CALLERS_API_KEY: '' } });
    results.push(constant);
    expect(constant.summary.counts).toMatchObject({ created: 2 });
    expect(bench.read(constant.summary.files.report ?? '')).toMatch(/name=… \(\d+ characters\), text=… \(28 characters\)/);

    const written = bench.files().filter((file) => file !== 'notes.csv' && file !== 'key.txt');
    expect(written).toContain('.memory-import/ledger.db');
    const holding = (text: string) => written.filter((file) => bytesOf(bench, file).includes(text));
    expect(holding(SECRET_KEY)).toEqual([]);
    const outputs = results.flatMap(({ stdout, stderr }) => [stdout, stderr]);
    expect(outputs.filter((text) => text.includes(SECRET_KEY) || text.includes(MARKER))).toEqual([]);

    // failures.csv has the note as it was, since it is an input, and success.csv its name. Nothing else has either.
    const holders = new Set(holding(MARKER).map((file) => file.split('/').at(-1)));
    expect([...holders].sort()).toEqual(['failures.csv', 'success.csv']);
    expect(holding('was seen at the pond').every((file) => file.endsWith('failures.csv'))).toBe(true);
  });

  test('not what an outage says, nor in other spellings', async ({ createBench }) => {
    const bench = await createBench({
      apiKey: SECRET_KEY,
      answerWith: ({ method, name, text }) => {
        if (method !== 'POST') return undefined;
        const key = Buffer.from(`importer:${SECRET_KEY}`).toString('base64');
        const message = `INSERT '${encodeURIComponent(name ?? '')}', '${text?.toUpperCase().replaceAll(' ', '&nbsp;')}' failed; Basic ${key}`;
        return { status: 500, body: { status: 'error', message } };
      },
    });
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--give-up-after', '300ms', '--log-level', 'trace'], {
      env: { CALLERS_API_KEY: SECRET_KEY },
    });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('INSERT');
    const written = bench.files().filter((file) => file !== 'notes.csv' && !file.endsWith('failures.csv'));
    const told = [result.stdout, result.stderr, ...written.map((file) => bytesOf(bench, file).toString('latin1'))];
    const spelled = /zyxomma|was.{1,6}seen|at.{1,6}the.{1,6}pond|5ecret|importer|aW1wb3J0ZXI/i;
    expect(told.map((text) => spelled.exec(text)?.[0]).filter((found) => found !== undefined)).toEqual([]);
  });

  test('reports and ledger are readable by their owner only', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    expect((await bench.import(['notes.csv'])).code).toBe(0);
    for (const file of bench.files().filter((path) => path.startsWith('.memory-import/'))) {
      expect([file, statSync(join(bench.folder, file)).mode & 0o077]).toEqual([file, 0]);
    }
    expect(statSync(join(bench.folder, '.memory-import/runs')).mode & 0o077).toBe(0);
  });
});

describe.concurrent('sends the key nowhere but to the configured origin', () => {
  test('a redirect is not followed: the other server sees no request', async ({ createBench }) => {
    const elsewhere = await startSandbox();
    try {
      const bench = await createBench({
        answerWith: ({ contactId }) => ({ status: 307, headers: { location: `${elsewhere.url}/contacts/${contactId}/memories` } }),
      });
      bench.write('notes.csv', csvOf(NOTES));
      const result = await bench.import(['notes.csv']);
      expect(result.code).toBe(1);
      expect(result.summary.counts.failures.rejected).toBe(NOTES.length);
      expect(elsewhere.stats().requests).toBe(0);
    } finally {
      await elsewhere.close();
    }
  });

  test('no proxy stands between it and loopback', async ({ createBench }) => {
    const proxy = await startSandbox();
    try {
      const bench = await createBench();
      bench.write('notes.csv', csvOf(NOTES));
      const env = { http_proxy: proxy.url, https_proxy: proxy.url, HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
      expect((await bench.import(['notes.csv'], { env })).code).toBe(0);
      expect(proxy.stats().requests).toBe(0);
    } finally {
      await proxy.close();
    }
  });

  test('the path prefix of the base URL is kept, and every request has the key as it is', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(NOTES));
    const result = await bench.import(['notes.csv', '--base-url', `${bench.sandbox.url}/v1/`]);
    // The sandbox knows no such path, and says so as a framework does.
    expect(result.code).toBe(1);
    const requests = bench.sandbox.requests();
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.every(({ path, authorization }) => path.startsWith('/v1/contacts/') && authorization === 'sandbox-key')).toBe(true);
  });
});

function bytesOf(bench: Bench, file: string): Buffer {
  return readFileSync(join(bench.folder, file));
}
