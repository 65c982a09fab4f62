import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseStatusAddress } from '../../../src/cli/status-server.js';
import { type WorkerStatus, withWorkerStatus } from '../../../src/cli/worker-status.js';
import { UserError } from '../../../src/errors.js';
import { parsePrometheus } from '../../support/prometheus.js';

/** A worker under way, with its status served on loopback, and its heartbeat in the hands of the test. */
async function startWorker() {
  const heart = { beats: true, lose: (_why: string) => {} };
  const heartbeat = {
    isAlive: () => heart.beats,
    onLost(listener: (why: string) => void) {
      heart.lose = listener;
    },
  };
  let end = (): void => {};
  const status = await new Promise<WorkerStatus>((resolve, reject) => {
    const ended = withWorkerStatus({ values: { metricsPort: '127.0.0.1:0' } }, async (given) => {
      resolve(given);
      await new Promise<void>((over) => {
        end = over;
      });
      return 0;
    });
    ended.catch(reject);
    onTestFinished(async () => {
      end();
      expect(await ended).toBe(0);
    });
  });
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`${status.url}${path}`, { method });
    return { code: response.status, text: await response.text(), type: response.headers.get('content-type') };
  };
  return { status, heart, heartbeat, get, end: () => end() };
}

describe('the status of a worker', () => {
  it('is ready from the moment when its ledger is open until it stops, and healthy all the while', async () => {
    const { status, heart, heartbeat, get } = await startWorker();
    expect(await get('/healthz')).toMatchObject({ code: 200, text: 'ok\n' });
    expect(await get('/readyz')).toMatchObject({ code: 503, text: "starting: the ledger isn't open yet\n" });
    status.opened(heartbeat);
    expect(await get('/readyz')).toMatchObject({ code: 200, text: 'ok\n' });
    // A Postgres that is restarted: who restarts the worker, too, only makes it worse.
    heart.beats = false;
    expect(await get('/readyz')).toMatchObject({ code: 503, text: expect.stringMatching(/^waiting: Postgres/) });
    expect(await get('/healthz')).toMatchObject({ code: 200 });
    heart.beats = true;
    expect(await get('/readyz')).toMatchObject({ code: 200 });
    status.stopping();
    expect(await get('/readyz')).toMatchObject({ code: 503, text: expect.stringMatching(/^stopping/) });
    expect(await get('/healthz')).toMatchObject({ code: 200 });
  });

  it('is ill when its heartbeat is lost for good, and says why', async () => {
    const { status, heart, heartbeat, get } = await startWorker();
    status.opened(heartbeat);
    heart.lose('another one took over');
    const ill = { code: 503, text: 'lost: another one took over\n' };
    expect([await get('/healthz'), await get('/readyz')]).toMatchObject([ill, ill]);
    expect((await get('/metrics')).text).toMatch(/^memory_import_worker_ready 0$/m);
  });

  it('counts what it did from its start, as counters under the names of the metrics file, with those of the process', async () => {
    const { status, heartbeat, get } = await startWorker();
    status.opened(heartbeat);
    status.consume({ type: 'request', verb: 'create', status: 201, sent: true, durationMs: 20 });
    status.consume({ type: 'request', verb: 'create', status: 429, sent: true, durationMs: 20 });
    status.consume({ type: 'rate_limited', waitMs: 1000, ratePerSecond: null });
    const chunk = { runId: 'r', partition: 0, sequence: 0 };
    status.consume({ type: 'run_joined', runId: 'r' });
    status.consume({ type: 'chunk_started', ...chunk, rows: 2 });
    status.consume({ type: 'chunk_ended', ...chunk, settled: 2 });
    for (let twice = 0; twice < 2; twice++) status.consume({ type: 'surplus', contactId: 'c', memoryIds: ['m-1', 'm-2'] });
    const { text, type } = await get('/metrics');
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    const scrape = parsePrometheus(text);
    expect(scrape.value('memory_import_requests', { verb: 'create', status: '201' })).toBe(1);
    expect(scrape.value('memory_import_rate_limited')).toBe(1);
    expect(scrape.value('memory_import_surplus_memories')).toBe(2);
    expect(scrape.value('memory_import_rows', { outcome: 'created' })).toBe(0);
    expect(scrape.value('memory_import_worker_ready')).toBe(1);
    expect(scrape.value('memory_import_worker_runs')).toBe(1);
    expect(scrape.value('memory_import_worker_chunks')).toBe(1);
    expect(scrape.families.get('memory_import_requests')).toEqual({ type: 'counter', help: expect.stringContaining('of this process') });
    expect(scrape.value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(scrape.value('memory_import_request_duration_seconds_count', { verb: 'create' })).toBe(2);
  });

  it('answers nothing else, and ends with the worker', async () => {
    const { get, end } = await startWorker();
    expect(await get('/')).toMatchObject({ code: 404, text: expect.stringContaining('/metrics') });
    expect(await get('/healthz', 'POST')).toMatchObject({ code: 405 });
    expect(await get('/readyz?verbose')).toMatchObject({ code: 503 });
    expect(await get('/healthz', 'HEAD')).toMatchObject({ code: 200, text: '' });
    end();
    await expect(get('/healthz')).rejects.toThrow();
  });

  it('is exit 2 where the port is taken, before the worker begins', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const refused = withWorkerStatus({ values: { metricsPort: `127.0.0.1:${port}` } }, () => Promise.reject(new Error('it began')));
    await expect(refused).rejects.toThrow(
      `--metrics-port 127.0.0.1:${port}: the port can't be had: another process has it. Choose another`,
    );
    await expect(refused).rejects.toBeInstanceOf(UserError);
  });

  it.each([
    ['9464', null, 9464],
    ['0', null, 0],
    ['127.0.0.1:9464', '127.0.0.1', 9464],
    ['localhost:65535', 'localhost', 65_535],
    ['[::1]:9464', '::1', 9464],
  ])('takes %s', (given, host, port) => {
    expect(parseStatusAddress(given)).toEqual({ host, port });
  });

  it.each(['', 'x', '-1', '65536', '1.5', ':80', '::1:80', 'http://localhost:80', '127.0.0.1:'])('refuses %j', (given) => {
    expect(() => parseStatusAddress(given)).toThrow(/--metrics-port: expected a port from 0 to 65535/);
  });
});
