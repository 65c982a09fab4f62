import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { KEY, test } from '../support/bench.js';
import { type CliRun, until } from '../support/cli.js';
import { createCluster } from '../support/containers.js';
import { createDatabase, createRole, POSTGRES, type TestDatabase } from '../support/databases.js';
import { MANIFESTS, type PodSpec, podOf } from '../support/kubernetes.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { parsePrometheus } from '../support/prometheus.js';
import { expectConverged } from '../support/promises.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe.skipIf(POSTGRES === null)('the containers of deploy/kubernetes, really run', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  test('the nightly import sends each note once, ledger in Postgres and reports in its volume, and what looks after it prunes them', async ({
    createBench,
  }) => {
    const bench = await createBench();
    const notes = makeNotes({ count: 30, contacts: 10 });
    const cluster = createCluster(bench.folder, { ledger: database.url, 'base-url': bench.sandbox.url, 'callers.key': KEY });
    writeFileSync(join(cluster.folder('crm-exports'), 'notes.csv'), csvOf(notes));
    const [nightly, prune] = podsOf('cronjob.yaml') as [PodSpec, PodSpec];
    for (const night of ['first', 'second']) {
      const { code, stderr } = await cluster.start(nightly).ended;
      expect(code, `${night}: ${stderr}`).toBe(0);
    }
    expectConverged(bench.sandbox, notes);
    expect(await database.query('SELECT created::integer, already_imported::integer FROM memory_import.runs ORDER BY started_at')).toEqual([
      { created: 30, already_imported: 0 },
      { created: 0, already_imported: 30 },
    ]);
    expect(readdirSync(join(cluster.folder('memory-import'), '.memory-import'))).toEqual(['runs']);
    expect((await cluster.start(prune).ended).code).toBe(0);
    // Nothing was written where the container couldn't.
    expect(readdirSync(cluster.folder('crm-exports'))).toEqual(['notes.csv']);
    const volumes = readdirSync(join(bench.folder, 'volumes'));
    expect(volumes.sort()).toEqual(['crm-exports', 'import-ca', 'import-key', 'import-tmp', 'memory-import', 'prune-ca']);
  });

  test('workers and a coordinator import together; probes and Prometheus are answered; a drained worker hands back and ends with 0', {
    timeout: 120_000,
  }, async ({ createBench, onTestFinished }) => {
    await database.empty();
    // All that the README asks for where a role may make no schema.
    const { role, url } = await createRole(database, onTestFinished);
    for (const [statement] of readme.matchAll(/^CREATE SCHEMA \w+ AUTHORIZATION importer;/gm)) {
      await database.query(statement.replace('importer', role));
    }
    const bench = await createBench({ latencyMs: 5 });
    const notes = makeNotes({ count: 400, contacts: 60 });
    const cluster = createCluster(bench.folder, { ledger: url, 'base-url': bench.sandbox.url, 'callers.key': KEY });
    writeFileSync(join(cluster.folder('crm-exports'), 'notes.csv'), csvOf(notes));
    const [worker] = podsOf('worker.yaml') as [PodSpec];
    const [coordinator] = podsOf('coordinator.yaml') as [PodSpec];
    // Its port can't be had twice on one machine.
    const workers = [1, 2].map(() => cluster.start(worker, (argument) => (argument === '9464' ? '127.0.0.1:0' : argument)));
    for (const { end } of workers) onTestFinished(end);
    const { startupProbe, readinessProbe, livenessProbe } = worker.containers[0];
    const ask = async (run: CliRun, path: string) => {
      await said(run, '"status_served"');
      const response = await fetch(`${/"url":"([^"]+)"/.exec(run.stderr())?.[1]}${path}`);
      return { code: response.status, text: await response.text() };
    };
    for (const run of workers) {
      await said(run, '"worker_ready"');
      for (const probe of [startupProbe, readinessProbe, livenessProbe])
        expect(await ask(run, probe!.httpGet.path)).toMatchObject({ code: 200 });
    }

    const run = cluster.start(coordinator);
    onTestFinished(run.end);
    // Of both together: one may be quicker than the other by everything.
    const counted = async (name: string, labels = {}): Promise<number> => {
      const scrapes = await Promise.all(workers.map(async (each) => parsePrometheus((await ask(each, '/metrics')).text)));
      return scrapes.reduce((sum, scrape) => sum + scrape.value(name, labels), 0);
    };
    await vi.waitFor(async () => expect(await counted('memory_import_rows', { outcome: 'created' })).toBeGreaterThan(0), {
      timeout: 60_000,
    });
    expect(await counted('memory_import_requests', { verb: 'create', status: '201' })).toBeGreaterThan(0);
    const [drained, other] = workers as [CliRun, CliRun];
    drained.kill('SIGTERM');
    expect(await drained.ended).toMatchObject({ code: 0 });
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    expectConverged(bench.sandbox, notes);
    expect(await database.query('SELECT status, created::integer FROM memory_import.runs')).toEqual([
      { status: 'completed', created: 400 },
    ]);
    other.kill('SIGTERM');
    expect(await other.ended).toMatchObject({ code: 0 });
  });
});

async function said(run: CliRun, what: string): Promise<void> {
  await until(what, () => run.stderr().includes(what) || run.child.exitCode !== null);
  expect(run.stderr()).toContain(what);
}

function podsOf(file: string): readonly PodSpec[] {
  return (MANIFESTS.get(file) ?? []).flatMap((manifest) => podOf(manifest) ?? []);
}
