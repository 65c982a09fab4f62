import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RunSummary } from '../../src/model.js';
import { DEFAULT_SANDBOX_KEY, type SandboxOptions } from '../../src/sandbox/options.js';
import { startSandbox } from '../../src/sandbox/server.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const base = process.env.CONTAINER_BASE_IMAGE;
const title = base === undefined ? 'the image (skipped: `npm run test:container` prepares what it needs)' : 'the image';

describe.skipIf(base === undefined)(title, () => {
  const id = `memory-import-test-${randomBytes(4).toString('hex')}`;
  const image = `localhost/${id}`;
  const volumes: string[] = [];

  beforeAll(async () => {
    const built = await run('buildah', [
      'bud',
      '--isolation',
      'chroot',
      '--build-arg',
      `NODE_IMAGE=${base}`,
      '--build-arg',
      'COMMIT=c0ffee1',
      ...certificates(),
      '-t',
      image,
      root,
    ]);
    expect(built.code, built.stderr).toBe(0);
  }, 600_000);
  afterAll(async () => {
    for (const volume of volumes) await run('podman', ['volume', 'rm', '--force', volume]);
    await run('podman', ['rmi', '--force', image]);
  }, 60_000);

  test('runs the command, not as root, without npm or a compiler', async () => {
    const version = await podmanRun([image, '--version']);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^memory-import \d+\.\d+\.\d+\S* \(c0ffee1\)\n$/) });
    const inside = await podmanRun([
      '--entrypoint',
      'sh',
      image,
      '-c',
      'id -u; pwd; command -v npm npx yarn corepack gcc cc make python3 git',
    ]);
    expect(inside.stdout).toBe('1000\n/data\n');
  });

  test('keeps ledger and reports in its volume: the same command in a second container creates nothing', async () => {
    const { sandbox, importSample, volume } = await bench({});
    const first = await importSample();
    expect(first.summary.counts.created).toBe(sandbox.stats().created);
    expect(first.summary.counts.created).toBeGreaterThan(200);
    const second = await importSample();
    expect(second.summary.counts).toMatchObject({ created: 0, alreadyImported: first.summary.counts.created });
    expect(sandbox.stats().duplicates).toBe(0);
    const files = await podmanRun(['--volume', `${volume}:/data`, '--entrypoint', 'find', image, '.memory-import', '-name', '*.csv']);
    expect(files.stdout).toContain(`.memory-import/runs/${first.summary.runId}/failures.csv`);
    // Little of the charts' package is left in the image: enough to draw them.
    const page = `.memory-import/runs/${first.summary.runId}/report.html`;
    const drawn = await podmanRun(['--volume', `${volume}:/data`, '--entrypoint', 'grep', image, '-c', '<svg', page]);
    expect(Number(drawn.stdout)).toBeGreaterThan(0);
    const charts = await podmanRun([
      '--entrypoint',
      'sh',
      image,
      '-c',
      'du -sm /app/node_modules/echarts /app/node_modules/zrender | cut -f1',
    ]);
    expect(charts.stdout.trim().split('\n').map(Number)).toEqual([expect.any(Number), 1]);
    expect(Number(charts.stdout.split('\n')[0])).toBeLessThan(5);
  }, 120_000);

  test('finishes and settles what is under way when the container is told to stop', async () => {
    const { sandbox, importSample } = await bench({ latencyMs: 100 });
    const container = `${id}-stopped`;
    const stopped = importSample('--name', container);
    await vi.waitFor(() => expect(sandbox.stats().created).toBeGreaterThan(20), { timeout: 60_000, interval: 5 });
    expect((await run('podman', ['kill', '--signal', 'TERM', container])).code).toBe(0);
    const { code, summary } = await stopped;
    expect({ code, status: summary.status, reasonCode: summary.reasonCode }).toEqual({
      code: 143,
      status: 'interrupted',
      reasonCode: 'signal',
    });
    expect(summary.counts.created).toBe(sandbox.stats().created);
    expect(summary.counts.failures.inDoubt).toBe(0);

    const rest = await importSample();
    expect(rest.summary.counts.alreadyImported).toBe(summary.counts.created);
    expect(sandbox.stats()).toMatchObject({ created: summary.counts.created + rest.summary.counts.created, duplicates: 0 });
  }, 120_000);

  /** A server, a volume, and the import of the sample in a container that has both. */
  async function bench(options: Partial<SandboxOptions>) {
    const sandbox = await startSandbox({ apiKey: DEFAULT_SANDBOX_KEY, ...options });
    onTestFinished(() => sandbox.close());
    const volume = `${id}-${volumes.length}`;
    volumes.push(volume);
    const importSample = async (...podmanOptions: string[]) => {
      const env = ['--env', `CALLERS_API_KEY=${DEFAULT_SANDBOX_KEY}`, '--env', `CALLERS_BASE_URL=${sandbox.url}`];
      const command = [image, 'import', '/app/samples/crm-notes.csv', '--json', '--log-level', 'error'];
      const ended = await podmanRun([...podmanOptions, ...env, '--volume', `${volume}:/data`, ...command]);
      expect(ended.stdout, ended.stderr).toMatch(/^\{.*\}\n$/);
      const summary: RunSummary = JSON.parse(ended.stdout);
      return { ...ended, summary };
    };
    return { sandbox, volume, importSample };
  }
});

/** The sandbox listens on the host's loopback; the default runtime and limits are refused where containers run in a container. */
function podmanRun(args: readonly string[]) {
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
  return run('podman', ['--runtime', 'runc', 'run', '--rm', '--network', 'host', ...limits, ...args]);
}

/** npm inside the build trusts whom it trusts outside. */
function certificates(): readonly string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (file === undefined) return [];
  return ['--build-arg', `NODE_EXTRA_CA_CERTS=${file}`, '--volume', `${dirname(file)}:${dirname(file)}:ro`];
}

function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}
