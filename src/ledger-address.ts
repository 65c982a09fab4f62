import { isLoopback } from './loopback.js';

/** Where a ledger is: the path of a SQLite file, or a Postgres address without its password, so that it can be shown as it is. */
export interface LedgerAddress {
  readonly ledger: string;
  /** Of the Postgres address; null: it has none, and the driver looks into PGPASSWORD and the password file. */
  readonly ledgerPassword: string | null;
}

export function isPostgres(address: string): boolean {
  return /^postgres(?:ql)?:/i.test(address);
}

/** The address with *** where it has a password; any other text as it is. Also of what isn't an address after all: better too much is hidden. */
export function shownLedger(address: string): string {
  if (!isPostgres(address)) return address;
  // Up to the last @ before the path's end: an @ or / that isn't escaped belongs to a password more likely than to a host.
  const [, scheme = '', user = '', password, rest = ''] = /^([a-z]+:(?:\/\/)?)([^:@/?]*)(?::(.*))?@([^@]*)$/is.exec(address) ?? [];
  const shown = scheme === '' ? address : `${scheme}${user}${password === undefined ? '' : `:${MASK}`}@${rest}`;
  return shown.replace(/((?:^|[?&])(?:ssl)?password=)[^&]*/gi, `$1${MASK}`);
}

const MASK = '***';

/** How a Postgres is reached. What is null is left to the driver: its variables (PGUSER …), its defaults. */
export interface PostgresSettings {
  readonly host: string;
  readonly port: number | null;
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string | null;
  readonly tls: TlsSettings | null;
  readonly connectTimeoutMs: number;
}

export interface TlsSettings {
  /** `none`: as `sslmode=require` on this machine; `ca`: whoever has a certificate of a known authority; `full`: and for this host. */
  readonly verify: 'none' | 'ca' | 'full';
  /** Paths. null: the system's authorities; no certificate of ours. */
  readonly rootCert: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** The address, taken apart; what is wrong with it as `expected … , found …`, the password not in it. */
export function parsePostgres(address: string): PostgresSettings | { readonly expected: string; readonly found: string } {
  const shown = shownLedger(address);
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !address.includes('://')) return { expected: EXPECTED, found: shown };
  const wrong = (expected: string, found: string) => ({ expected: `${expected} in ${shown}`, found });
  if (/%(?![0-9a-f]{2})/i.test(address)) return wrong('%25 for a %', 'a % alone');
  const given = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]));
  const unknown = [...given.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) return wrong(`parameters among ${PARAMETERS.join(', ')}`, unknown);
  const host = given.get('host') ?? decodeURIComponent(url.hostname);
  if (host === '' || host.includes(',')) return wrong('one host', host === '' ? 'none' : 'several');
  const isHere = host.startsWith('/') || isLoopback(host) || host === '::1';
  const mode = given.get('sslmode') ?? (isHere ? 'disable' : 'verify-full');
  if (!SSL_MODES.includes(mode)) return wrong(`sslmode ${SSL_MODES.join(', ')}`, mode);
  if (!isHere && UNVERIFIED.includes(mode)) {
    return wrong(
      'a connection that is encrypted and verified (sslmode=verify-full, with sslrootcert=<file> where an authority of your own signs)',
      `sslmode=${mode}, which is for this machine only`,
    );
  }
  const port = url.port === '' ? (given.get('port') ?? '') : url.port;
  if (!/^\d*$/.test(port)) return wrong('a port', port);
  const timeout = given.get('connect_timeout') ?? '10';
  if (!/^\d+$/.test(timeout)) return wrong('connect_timeout in whole seconds', timeout);
  const root = given.get('sslrootcert') ?? null;
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? null : Number(port),
    user: orNull(given.get('user') ?? decodeURIComponent(url.username)),
    password: orNull(given.get('password') ?? decodeURIComponent(url.password)),
    database: orNull(given.get('dbname') ?? decodeURIComponent(url.pathname.slice(1))),
    tls:
      host.startsWith('/') || mode === 'disable' || mode === 'allow' || mode === 'prefer'
        ? null
        : {
            verify: isHere && mode === 'require' ? 'none' : mode === 'verify-ca' ? 'ca' : 'full',
            rootCert: root === 'system' ? null : root,
            cert: given.get('sslcert') ?? null,
            key: given.get('sslkey') ?? null,
          },
    connectTimeoutMs: Math.min(Math.max(1, Number(timeout)), 600) * 1000,
  };
}

const EXPECTED = 'the path of a SQLite file, or an address such as postgres://user@host/database (%-escapes for what is special in a URL)';
// Those without an effect here come with the addresses that hosts of Postgres hand out.
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'application_name',
  'channel_binding',
  'target_session_attrs',
];
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
const UNVERIFIED = ['disable', 'allow', 'prefer'];

/** @param address as a user gives it, checked by `parsePostgres` */
export function withoutPassword(address: string): LedgerAddress {
  const settings = isPostgres(address) ? parsePostgres(address) : null;
  if (settings === null || 'expected' in settings) return { ledger: address, ledgerPassword: null };
  const url = new URL(address);
  url.password = '';
  url.searchParams.delete('password');
  return { ledger: url.href, ledgerPassword: settings.password };
}

function orNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
