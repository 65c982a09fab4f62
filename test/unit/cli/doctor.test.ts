import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { doctorCommand } from '../../../src/cli/commands/doctor.js';
import { doctor } from '../../../src/doctor.js';
import { OptionsError } from '../../../src/errors.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import type { RunId } from '../../../src/model.js';
import type { ImportOptions } from '../../../src/options.js';
import type { SandboxOptions } from '../../../src/sandbox/options.js';
import { startSandbox } from '../../../src/sandbox/server.js';
import { fakeIo } from './fake-io.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function sandbox(options: SandboxOptions = {}) {
  const started = await startSandbox({ apiKey: 'the-key', ...options });
  closing.push(() => started.close());
  return started;
}

async function server(listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => http.once('listening', resolve));
  closing.push(() => {
    http.closeAllConnections();
    http.close();
  });
  // A TCP server has a port.
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'doctor-'));
  closing.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function examined(options: ImportOptions) {
  const place = folder();
  const { checks } = await doctor(
    { apiKey: 'the-key', ledger: join(place, 'm', 'ledger.db'), out: join(place, 'm', 'runs'), ...options },
    { env: {} },
  );
  return { place, checks, check: (name: string) => checks.find((check) => check.name === name) };
}

describe('the doctor', () => {
  it('finds everything well, with two requests, and creates nothing', async () => {
    const api = await sandbox();
    const { checks, place } = await examined({ baseUrl: api.url, subOrg: 'so-1' });
    expect(checks.map(({ name, ok }) => [name, name === 'disk' ? 'any' : ok])).toEqual([
      ['node', true],
      ['api', true],
      ['latency', true],
      ['clock', true],
      ['ledger', true],
      ['folders', true],
      ['disk', 'any'],
    ]);
    expect(api.requests().map(({ method }) => method)).toEqual(['GET', 'GET']);
    expect(readdirSync(place)).toEqual([]);
  });

  it("takes the API's own 404 for an answer that accepts the key", async () => {
    const { check } = await examined({ baseUrl: (await sandbox({ missing: ['memory-import-doctor'] })).url });
    expect(check('api')).toMatchObject({ ok: true });
  });

  it('says that the key is refused', async () => {
    const { check } = await examined({ baseUrl: (await sandbox()).url, apiKey: 'another' });
    expect(check('api')).toEqual({ name: 'api', ok: false, message: expect.stringMatching(/refuses the key \(401\).*CALLERS_API_KEY/) });
  });

  it("says that the sub organization isn't the key's", async () => {
    const { check } = await examined({ baseUrl: (await sandbox({ foreignSubOrgs: ['so-x'] })).url, subOrg: 'so-x' });
    expect(check('api')).toEqual({ name: 'api', ok: false, message: expect.stringMatching(/403.*so-x/) });
  });

  it.each([
    ['a page', 200, { 'content-type': 'text/html' }, '<html><title>Welcome</title></html>'],
    ['a 404 page', 404, { 'content-type': 'text/html' }, '<html><title>Not here</title></html>'],
    ['a redirect', 302, { location: 'https://login.example/' }, ''],
  ])('says that %s is the wrong place', async (_what, status, headers, body) => {
    const baseUrl = await server((_request, response) => response.writeHead(status, headers).end(body));
    const { check } = await examined({ baseUrl });
    expect(check('api')).toEqual({ name: 'api', ok: false, message: expect.stringMatching(/doesn't answer like the API.*--base-url/) });
  });

  it('says that nobody is there, and asks no more then', async () => {
    const api = await startSandbox();
    await api.close();
    const { check } = await examined({ baseUrl: api.url });
    expect(check('api')).toEqual({ name: 'api', ok: false, message: expect.stringMatching(/can't be reached/) });
    expect(check('latency')).toBeUndefined();
  });

  it('says that the server is in trouble', async () => {
    const { check } = await examined({ baseUrl: (await sandbox({ faults: { '500': 1 } })).url });
    expect(check('api')).toEqual({ name: 'api', ok: false, message: expect.stringMatching(/is in trouble/) });
  });

  it('warns of a limit that is reached', async () => {
    const { check } = await examined({ baseUrl: (await sandbox({ faults: { '429': 1 } })).url });
    expect(check('api')).toMatchObject({ ok: 'warning' });
  });

  it('tells a difference of the clocks, in the right direction', async () => {
    const ahead = await examined({ baseUrl: (await sandbox({ clockSkewMs: 600_000 })).url });
    expect(ahead.check('clock')).toEqual({
      name: 'clock',
      ok: 'warning',
      message: expect.stringMatching(/our clock is (599|600|601) s behind/),
    });
    const behind = await examined({ baseUrl: (await sandbox({ clockSkewMs: -30_000 })).url });
    expect(behind.check('clock')).toEqual({ name: 'clock', ok: true, message: expect.stringMatching(/our clock is (29|30|31) s ahead/) });
  });

  it('says that another run holds the ledger, and only as long as it does', async () => {
    const { url } = await sandbox();
    const path = join(folder(), 'ledger.db');
    const ledger = openLedger({
      path,
      runId: '20261123T030749Z-4f9a' as RunId, // of the right form
      what: 'import notes.csv',
      target: { baseUrl: url, apiKey: 'the-key' },
      sameAccount: false,
      now: Date.now,
    });
    expect((await examined({ baseUrl: url, ledger: path })).check('ledger')).toEqual({
      name: 'ledger',
      ok: 'warning',
      message: expect.stringMatching(/held by process \d+.*import notes\.csv.*exit code 4/),
    });
    await ledger.close();
    expect((await examined({ baseUrl: url, ledger: path })).check('ledger')).toMatchObject({
      ok: true,
      message: expect.stringMatching(/intact, and knows 1 run$/),
    });
  });

  it('says that a ledger is damaged', async () => {
    const path = join(folder(), 'ledger.db');
    writeFileSync(path, 'this is no database, and it is long enough to be looked at\n'.repeat(100));
    expect((await examined({ baseUrl: (await sandbox()).url, ledger: path })).check('ledger')).toMatchObject({
      ok: false,
      message: expect.stringContaining('damaged'),
    });
  });

  it('says where a file stands where a folder is needed', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const { check } = await examined({ baseUrl: (await sandbox()).url, out: join(file, 'runs') });
    expect(check('folders')).toEqual({ name: 'folders', ok: false, message: `${join(file, 'runs')} can't be written` });
    expect(existsSync(join(file, 'runs'))).toBe(false);
  });

  it('needs a key, and says so with all that is wrong', async () => {
    await expect(doctor({ timeout: '0s' }, { env: {} })).rejects.toThrow(OptionsError);
    await expect(doctor({ timeout: '0s' }, { env: {} })).rejects.toThrow(/--timeout.*no API key/s);
  });
});

describe('memory-import doctor', () => {
  const run = async (values: Record<string, unknown>) => {
    const place = folder();
    const { io, written } = fakeIo({ env: { CALLERS_API_KEY: 'the-key', MEMORY_IMPORT_LEDGER: join(place, 'ledger.db') } });
    const code = await doctorCommand({ io, args: [], values: { out: place, ...values } });
    return { code, ...written };
  };

  it('ends with 0 where an import could start, a line for each check', async () => {
    const { code, stdout } = await run({ baseUrl: (await sandbox()).url });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}node {5}Node \d+.*\nok {7}api .*\n/);
  });

  it('ends with 2 where it could not, with --json one object', async () => {
    const { code, stdout } = await run({ baseUrl: (await sandbox({ apiKey: 'another' })).url, json: true });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([expect.objectContaining({ name: 'api', ok: false })]),
    });
  });
});
