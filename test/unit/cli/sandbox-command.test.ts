import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { resolveSandboxOptions, sandboxCommand } from '../../../src/cli/commands/sandbox.js';
import { OptionsError, UserError } from '../../../src/errors.js';
import { startSandbox } from '../../../src/sandbox/server.js';
import { fakeIo } from './fake-io.js';

describe('memory-import sandbox', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('prints its URL as the first line, serves, and ends with 0 at %s', async (signal) => {
    const run = fakeIo();
    const ended = sandboxCommand({ io: run.io, args: [], values: { missing: 'C-1, C-2' } });
    await once(run.stdout, 'data');
    const url = run.written.stdout.split('\n')[0] ?? '';
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(run.written.stderr).toContain(url);
    const headers = { authorization: 'sandbox-key' };
    expect((await fetch(`${url}/contacts/C-2/memories`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/contacts/C-3/memories`, { headers })).status).toBe(200);
    run.send(signal);
    expect(await ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('says which port it could not have', async () => {
    const other = await startSandbox();
    try {
      const started = sandboxCommand({ io: fakeIo().io, args: [], values: { port: String(other.port) } });
      await expect(started).rejects.toThrow(UserError);
      await expect(started).rejects.toThrow(String(other.port));
    } finally {
      await other.close();
    }
  });

  it('takes every option that the README names', () => {
    expect(
      resolveSandboxOptions({
        port: '8080',
        apiKey: 'k',
        latency: '1s',
        rateLimit: '50/s',
        fault: ['429=0.1', '500-after=.05', 'hang=0'],
        missing: '',
        seed: '7',
      }),
    ).toEqual({
      port: 8080,
      apiKey: 'k',
      latencyMs: 1000,
      rateLimit: 50,
      faults: { '429': 0.1, '500-after': 0.05, hang: 0 },
      missing: [],
      seed: 7,
    });
    expect(resolveSandboxOptions({ rateLimit: '0.5' }).rateLimit).toBe(0.5);
  });

  it.each([
    [{ port: '65536' }, '--port: expected a port'],
    [{ port: '' }, '--port: expected a port'],
    [{ latency: '20' }, '--latency: expected a duration'],
    [{ rateLimit: '0' }, '--rate-limit: expected requests a second'],
    [{ apiKey: 'a b' }, '--api-key: expected a key'],
    [{ seed: '1.5' }, '--seed: expected a whole number'],
    [{ fault: ['429'] }, 'found "429"'],
    [{ fault: ['429=2'] }, 'a probability is from 0 to 1'],
    [{ fault: ['429-after=0.1'] }, '--fault: expected kind=probability'],
    [{ fault: ['reest=0.1'] }, 'did you mean reset?'],
    [{ fault: ['429=0.1', '429=0.2'] }, 'found 429 twice'],
    [{ fault: ['429=0.6', '500=0.6'] }, 'add up to at most 1'],
  ])('refuses %j', (values, problem) => {
    expect(() => resolveSandboxOptions(values)).toThrow(OptionsError);
    expect(() => resolveSandboxOptions(values)).toThrow(problem);
  });
});
