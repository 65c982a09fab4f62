import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { interruptedBefore } from '../../../src/cli/interrupted-before.js';
import { runOnFinish } from '../../../src/cli/on-finish.js';
import { pipeToCommand } from '../../../src/cli/on-finish-command.js';
import { resolveOnFinish } from '../../../src/cli/on-finish-option.js';
import { postToAddress } from '../../../src/cli/on-finish-post.js';
import { OptionsError } from '../../../src/errors.js';
import { until } from '../../support/cli.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'on-finish-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const summary = interruptedBefore({ inputs: ['a.csv'], startedAt: 0, signal: 'SIGINT' });
const env = { PATH: process.env.PATH, CALLERS_API_KEY: 'the-key', CALLERS_BASE_URL: 'http://localhost:1' };

function finished(stopped = new AbortController().signal) {
  const said: string[] = [];
  return { summary, exitCode: 130, env, stderr: { write: (text: unknown) => said.push(String(text)) > 0 }, stopped, said };
}

describe('--on-finish', () => {
  it('is a command, or an address', () => {
    expect(resolveOnFinish({})).toBeNull();
    expect(resolveOnFinish({ onFinish: './notify.sh "two words"' })).toEqual({ kind: 'command', command: './notify.sh "two words"' });
    expect(resolveOnFinish({ onFinish: 'https://hooks.example/secret' })).toMatchObject({ kind: 'address' });
    expect(resolveOnFinish({ onFinish: 'http://127.0.0.1:8080/x' })).toMatchObject({ kind: 'address' });
  });

  it('may stand in the config file, and the command line wins over it', () => {
    const config = join(folder, 'c.json');
    writeFileSync(config, JSON.stringify({ onFinish: './file.sh' }));
    expect(resolveOnFinish({ config })).toEqual({ kind: 'command', command: './file.sh' });
    expect(resolveOnFinish({ config, onFinish: './line.sh' })).toEqual({ kind: 'command', command: './line.sh' });
    writeFileSync(config, JSON.stringify({ onFinish: 3 }));
    expect(() => resolveOnFinish({ config })).toThrow(/^"onFinish" in .*c\.json: expected a command .* found 3$/);
  });

  it.each([
    [' ', /found nothing$/],
    ['http://hooks.example/secret', /found http:\/\/hooks\.example \(plain http goes to loopback only\)$/],
    ['ftp://x/secret', /found ftp:\/\/x/],
    ['https://', /can't be read$/],
    ['https://me:secret@x/', /a user name or a password/],
    ['a\0b', /U\+0000/],
  ])('refuses %j, and shows no secret', (value, problem) => {
    const resolve = () => resolveOnFinish({ onFinish: value });
    expect(resolve).toThrow(OptionsError);
    expect(resolve).toThrow(problem);
    expect(resolve).not.toThrow(/secret/);
  });
});

describe('a command', () => {
  it('gets the summary on standard input, how it ended in its environment, and not the key', async () => {
    const { said, ...given } = finished();
    const command = `cat >${join(folder, 'in.json')}; env | grep -E 'CALLERS|MEMORY' | sort; echo "to stderr" >&2`;
    expect(await pipeToCommand(command, given)).toBeNull();
    expect(JSON.parse(readFileSync(join(folder, 'in.json'), 'utf8'))).toEqual(summary);
    expect(said.join('').trim().split('\n')).toEqual(
      expect.arrayContaining([
        'CALLERS_BASE_URL=http://localhost:1',
        'MEMORY_IMPORT_EXIT_CODE=130',
        `MEMORY_IMPORT_RUN_ID=${summary.runId}`,
        'MEMORY_IMPORT_STATUS=interrupted',
        'to stderr',
      ]),
    );
    expect(said.join('')).not.toContain('the-key');
  });

  it.each([
    ['exit 3', 'ended with 3'],
    ['kill -TERM $$', 'was ended by SIGTERM'],
    ['./not-there.sh 2>/dev/null', 'ended with 127'],
    ['true', null],
  ])('like %j comes to its end without reading anything', async (command, failure) => {
    expect(await pipeToCommand(command, finished())).toBe(failure);
  });

  it('that fails is told with the exit code that the import keeps', async () => {
    const told = await runOnFinish({ kind: 'command', command: 'exit 3' }, finished());
    expect(told).toBe('--on-finish ended with 3. The import itself is not concerned: its exit code is 130.');
  });

  it('that takes too long is ended, with all that it has started', async () => {
    const late = join(folder, 'late');
    const command = `(sleep 3; touch ${late}) & echo $! >${join(folder, 'pid')}; wait`;
    expect(await pipeToCommand(command, finished(), 1000)).toBe('took longer than 1 s and was ended');
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    // An orphan is reaped by whoever is its parent now, some time: until then it is a zombie, which does nothing.
    const isAtWork = () => existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (process.platform === 'linux') await until('the end of the whole group', () => !isAtWork());
    expect(existsSync(late)).toBe(false);
  });

  it('is not waited for any longer once the import is told to stop, or for what it left in the background', async () => {
    const stop = new AbortController();
    const ended = pipeToCommand('sleep 60', finished(stop.signal));
    stop.abort();
    expect(await ended).toBe('was ended, since the import was told to stop');
    const { said, ...given } = finished();
    expect(await pipeToCommand('sleep 60 & echo $!', given)).toBeNull();
    process.kill(Number(said.join('')));
  });
});

describe('an address', () => {
  const quick = { timeoutMs: 300, pausesMs: [1, 1] };

  async function server(listener: RequestListener) {
    const got: { headers: IncomingHttpHeaders; body: string; url: string | undefined }[] = [];
    const http = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        got.push({ headers: request.headers, body, url: request.url });
        listener(request, response);
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => http.once('listening', resolve));
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    // A TCP server has a port.
    return { got, url: new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/hook?t=secret`) };
  }

  it('gets the summary as JSON, once, and no key', async () => {
    const { got, url } = await server((_request, response) => response.end('thank you'));
    expect(await postToAddress(url, finished(), quick)).toBeNull();
    expect(got).toHaveLength(1);
    expect(JSON.parse(got[0]?.body ?? '')).toEqual(summary);
    expect(got[0]).toMatchObject({ url: '/hook?t=secret', headers: { 'content-type': 'application/json' } });
    expect(got[0]?.headers.authorization).toBeUndefined();
  });

  it('is tried three times where that may help', async () => {
    let answers = 0;
    const { got, url } = await server((_request, response) => response.writeHead(++answers < 3 ? 503 : 204).end());
    expect(await postToAddress(url, finished(), quick)).toBeNull();
    expect(got).toHaveLength(3);
    answers = -10;
    expect(await postToAddress(url, finished(), quick)).toBe(`to ${url.host}: the answer was 503, 3 times`);
  });

  it.each([
    [400, 'the answer was 400'],
    [302, "302, a redirect, which isn't followed"],
  ])('is not tried again where it answers %i', async (status, failure) => {
    const { got, url } = await server((_request, response) => response.writeHead(status, { location: '/elsewhere' }).end());
    const told = await postToAddress(url, finished(), quick);
    expect(told).toBe(`to ${url.host}: ${failure}`);
    expect(got.map((request) => request.url)).toEqual(['/hook?t=secret']);
  });

  it('that does not answer, or is not there, is given up', async () => {
    const { url } = await server(() => {});
    expect(await postToAddress(url, finished(), quick)).toBe(`to ${url.host}: no answer in time, 3 times`);
    expect(await postToAddress(url, finished(AbortSignal.abort()), quick)).toMatch(/given up, since the import was told to stop$/);
    const gone = new URL('http://127.0.0.1:9/secret');
    const told = await postToAddress(gone, finished(), quick);
    expect(told).toMatch(/^to 127\.0\.0\.1:9: no answer could be had.*, 3 times$/);
    expect(told).not.toContain('secret');
  });
});
