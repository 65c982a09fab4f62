import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { KEY, test } from '../support/bench.js';
import { createCluster } from '../support/containers.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { MANIFESTS, type PodSpec, podOf } from '../support/kubernetes.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { expectConverged } from '../support/promises.js';

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
});

function podsOf(file: string): readonly PodSpec[] {
  return (MANIFESTS.get(file) ?? []).flatMap((manifest) => podOf(manifest) ?? []);
}
