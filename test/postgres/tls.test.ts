import { afterAll, beforeAll, describe, expect } from 'vitest';
import { test } from '../support/bench.js';
import { createAuthority } from '../support/certificates.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';
import { csvOf, makeNotes } from '../support/notes.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';

const authority = createAuthority('The authority of the tests');
const another = createAuthority('The authority of the tests'); // of the same name, too
const certificate = authority.issue({ name: 'ledger', dns: ['localhost'] });
const client = authority.issue({ name: 'certified' });

describe.skipIf(POSTGRES === null)('a ledger in a Postgres that asks for TLS', () => {
  let server: PostgresServer;
  let database: TestDatabase;
  beforeAll(async () => {
    const started = await startPostgres({
      ...(POSTGRES === null ? {} : { template: POSTGRES.template }),
      files: {
        'server.crt': certificate.cert,
        'server.key': certificate.key,
        'clients.crt': authority.cert,
        // Those two come with TLS, or not at all.
        'pg_hba.conf': `host all postgres 127.0.0.1/32 trust
          hostssl all importer 127.0.0.1/32 trust
          hostssl all certified 127.0.0.1/32 cert\n`,
      },
      settings: ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key', 'ssl_ca_file=clients.crt'],
    });
    if (started === null) throw new Error('There was a Postgres a moment ago.');
    server = started;
    database = await createDatabase(server);
    await database.query(`CREATE ROLE importer LOGIN; CREATE ROLE certified LOGIN; GRANT importer TO certified;
      CREATE SCHEMA memory_import AUTHORIZATION importer`);
  });
  afterAll(async () => {
    await database.drop();
    await server.destroy();
  });

  const addressOf = (host: string, role: string, parameters: Readonly<Record<string, string>>): string => {
    const url = new URL(database.url);
    url.hostname = host;
    url.username = role;
    url.search = new URLSearchParams(parameters).toString();
    return url.href;
  };

  test('takes its certificate where the authority is named, asks for ours where the server does, and goes on encrypted', async ({
    createBench,
  }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(makeNotes({ count: 5, contacts: 5 })));
    bench.write('ca.pem', authority.cert);
    bench.write('client.pem', client.cert);
    bench.write('client.key', client.key);
    const full = addressOf('localhost', 'importer', { sslmode: 'verify-full', sslrootcert: 'ca.pem' });
    expect((await bench.import(['notes.csv', '--ledger', full])).summary.counts.created).toBe(5);
    const own = { sslrootcert: 'ca.pem', sslcert: 'client.pem', sslkey: 'client.key' };
    const certified = addressOf('localhost', 'certified', { sslmode: 'verify-full', ...own });
    expect((await bench.import(['notes.csv', '--ledger', certified])).summary.counts.alreadyImported).toBe(5);
    // Whoever the authority has signed, whatever it is called.
    const ca = addressOf('127.0.0.1', 'importer', { sslmode: 'verify-ca', sslrootcert: 'ca.pem' });
    expect(await bench.run(['runs', '--ledger', ca])).toMatchObject({ code: 0 });
  });

  test('is refused with a word on what to do, and nothing sent, where it can\u2019t be trusted', async ({ createBench }) => {
    const bench = await createBench();
    bench.write('notes.csv', csvOf(makeNotes({ count: 5, contacts: 5 })));
    bench.write('ca.pem', authority.cert);
    bench.write('another.pem', another.cert);
    bench.write('ca.der', Buffer.from(authority.cert.replace(/-----.*-----/g, ''), 'base64'));
    const full = { sslmode: 'verify-full', sslrootcert: 'ca.pem' };
    for (const [host, role, parameters, message] of [
      ['localhost', 'importer', { sslmode: 'verify-full' }, /Nobody whom this machine trusts .* sslrootcert=/],
      ['localhost', 'importer', { ...full, sslrootcert: 'another.pem' }, /certificate signature failure.* it is another one, and this may/],
      ['localhost', 'importer', { ...full, sslrootcert: 'ca.der' }, /expected sslrootcert in PEM form/],
      ['localhost', 'importer', { ...full, sslrootcert: 'none.pem' }, /expected a file that can be read as sslrootcert, found ENOENT/],
      ['127.0.0.1', 'importer', full, /IP: 127\.0\.0\.1 is not in the cert's list.* The certificate is for another name/],
      ['localhost', 'importer', { sslmode: 'disable' }, /no encryption.* what pg_hba.conf asks of this role/],
      ['localhost', 'certified', full, /requires a valid client certificate.* what pg_hba.conf asks of this role/],
    ] as const) {
      const refused = await bench.run(['import', 'notes.csv', '--ledger', addressOf(host, role, parameters)]);
      expect(refused.stderr).toMatch(message);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
    }
    // One that has no TLS at all, and what would go over the wire in plain text.
    const plain = `${POSTGRES?.url}/postgres?sslmode=verify-full`;
    expect((await bench.run(['import', 'notes.csv', '--ledger', plain])).stderr).toMatch(/does not support SSL connections.* \(ssl = on\)/);
    for (const sslmode of ['disable', 'allow', 'prefer']) {
      const away = addressOf('db.example.com', 'importer', { sslmode });
      const refused = await bench.run(['import', 'notes.csv', '--ledger', away]);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/encrypted and verified .* this machine only/) });
    }
    expect(bench.sandbox.stats().requests).toBe(0);
  });
});
