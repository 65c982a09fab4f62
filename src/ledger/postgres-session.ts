import { readFileSync } from 'node:fs';
import pg from 'pg';
import { UserError } from '../errors.js';
import { type LedgerAddress, type PostgresSettings, parsePostgres, type TlsSettings } from '../ledger-address.js';
import { createRedactor } from '../redact.js';

export type PostgresRow = Record<string, unknown>;

/** A statement with its name: the server plans it once for each session. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** One session of the server, and never another behind the same connection. */
export interface Session {
  /** Of the server's process. */
  readonly pid: number;
  query(statement: Statement | string, values?: readonly unknown[]): Promise<readonly PostgresRow[]>;
  /** False once the connection was lost or closed. */
  readonly isOpen: boolean;
  /** Ends it politely; never throws. */
  end(): Promise<void>;
  /** Ends it at once. */
  destroy(): void;
}

export interface SessionOptions {
  readonly address: LedgerAddress;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  /** A statement that takes longer counts as a lost connection. null: as long as it takes. */
  readonly patienceMs: number | null;
}

/** @throws the driver's error where no connection can be had: `describePostgres` has words for it */
export async function openSession({ address, name, patienceMs }: SessionOptions): Promise<Session> {
  const settings = parsePostgres(address.ledger);
  if ('expected' in settings) throw new UserError(`--ledger: expected ${settings.expected}, found ${settings.found}`);
  const client = new pg.Client({ ...clientConfig(settings, address.ledgerPassword), application_name: `memory-import ${name}` });
  let isOpen = true;
  const lose = (): void => {
    isOpen = false;
  };
  client.on('error', lose);
  client.on('end', lose);
  await client.connect();
  const destroy = (): void => {
    lose();
    socketOf(client)?.destroy();
  };

  const ask = async (statement: Statement | string, values: readonly unknown[]): Promise<readonly PostgresRow[]> => {
    if (!isOpen) throw lostConnection();
    const { name: planned, text } = typeof statement === 'string' ? { name: undefined, text: statement } : statement;
    const config = { text, values: [...values], ...(planned === undefined ? {} : { name: planned }) };
    let timer: NodeJS.Timeout | undefined;
    try {
      const asked = client.query(config);
      if (patienceMs === null) return (await asked).rows as PostgresRow[];
      const tooLong = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(lostConnection(`no answer within ${patienceMs / 1000} s`));
          destroy();
        }, patienceMs);
      });
      asked.catch(() => {}); // ended by `tooLong`
      return (await Promise.race([asked, tooLong])).rows as PostgresRow[];
    } catch (error) {
      if (isConnectionLoss(error)) lose();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  // One after the other: the driver takes no second one before the first has its answer.
  let last: Promise<unknown> = Promise.resolve();
  const query: Session['query'] = (statement, values = []) => {
    const turn = last.then(() => ask(statement, values));
    last = turn.catch(() => {});
    return turn;
  };

  try {
    // A role or database may be set to forget what it has promised.
    const [row] = await query(SET_UP);
    return {
      pid: Number(row?.pid),
      query,
      destroy,
      get isOpen() {
        return isOpen;
      },
      async end() {
        client.off('end', lose);
        isOpen = false;
        const ended = client.end().catch(() => {});
        // A server that went away without a word says no good-bye.
        const gone = new Promise<void>((resolve) => setTimeout(resolve, 2000).unref());
        await Promise.race([ended, gone]);
        socketOf(client)?.destroy();
      },
    };
  } catch (error) {
    destroy();
    throw error;
  }
}

/** Connections for somebody who speaks to the driver itself, with its own ideas of types. Each is a session of its own. */
export function openPool({
  address,
  name,
  max,
}: {
  readonly address: LedgerAddress;
  readonly name: string;
  readonly max: number;
}): pg.Pool {
  const settings = parsePostgres(address.ledger);
  if ('expected' in settings) throw new UserError(`--ledger: expected ${settings.expected}, found ${settings.found}`);
  const { types: _, ...config } = clientConfig(settings, address.ledgerPassword);
  const pool = new pg.Pool({ ...config, application_name: `memory-import ${name}`, max });
  // A connection that is lost is opened again by the pool when it is needed.
  pool.on('error', () => {});
  pool.on('connect', (client) => void client.on('error', () => {}));
  return pool;
}

const SET_UP = `SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  set_config('default_transaction_isolation', 'read committed', false), set_config('idle_in_transaction_session_timeout', '15s', false),
  set_config('statement_timeout', '0', false), set_config('search_path', 'pg_catalog', false), pg_backend_pid() AS pid`;

function clientConfig(settings: PostgresSettings, givenPassword: string | null): pg.ClientConfig {
  const { host, port, user, database, tls, connectTimeoutMs } = settings;
  const password = givenPassword ?? settings.password;
  return {
    host,
    ...(port === null ? {} : { port }),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(database === null ? {} : { database }),
    ssl: tls === null ? false : tlsOptions(tls),
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: parserOf },
  };
}

function tlsOptions({ verify, rootCert, cert, key }: TlsSettings): NonNullable<Exclude<pg.ClientConfig['ssl'], boolean>> {
  return {
    rejectUnauthorized: verify !== 'none',
    ...(verify === 'ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(rootCert === null ? {} : { ca: readCertificate('sslrootcert', rootCert) }),
    ...(cert === null ? {} : { cert: readCertificate('sslcert', cert) }),
    ...(key === null ? {} : { key: readCertificate('sslkey', key) }),
  };
}

function readCertificate(parameter: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--ledger: expected a file that can be read as ${parameter}, found ${reason}`, { cause: error });
  }
  // Of anything else Node takes no notice, and would say that nobody has signed the server's certificate.
  if (text.includes('-----BEGIN ')) return text;
  throw new UserError(`--ledger: expected ${parameter} in PEM form (-----BEGIN …), found something else in ${path}`);
}

const INT8 = 20;
const TEXTS: ReadonlySet<number> = new Set([25, 1043]);

/** Keys and times are whole numbers below 2^53. */
function parserOf(oid: number, format?: string): (value: string | Buffer) => unknown {
  if (oid === INT8) return Number;
  if (TEXTS.has(oid)) return (value) => fromText(String(value));
  return pg.types.getTypeParser(oid, format as 'text');
}

// Postgres has no text with U+0000. What stands for it is no character, and isn't met in text.
const STAND_IN = '\u{10ffff}';

export function toText(value: string): string;
export function toText(value: string | null): string | null;
export function toText(value: string | null): string | null {
  return value?.includes('\0') === true ? value.replaceAll('\0', STAND_IN) : value;
}

function fromText(value: string): string {
  return value.includes(STAND_IN) ? value.replaceAll(STAND_IN, '\0') : value;
}

/** What the driver keeps to itself: the way to end a connection that hangs. */
function socketOf(client: pg.Client): { destroy(): void } | undefined {
  return (client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }).connection?.stream;
}

const LOST = 'CONNECTION_LOST';

function lostConnection(detail = 'the connection is closed'): Error {
  return Object.assign(new Error(detail), { code: LOST });
}

/** Whether the statement's outcome isn't known, or it never got there: not the server's refusal. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = sqlStateOf(error);
  // 57P0x: shut down, terminated, starting up; 08: connection exceptions; 25P03: idle in a transaction for too long; 53300: too many connections.
  if (/^[0-9][0-9A-Z]{4}$/.test(code)) return /^(?:57P0[1-5]|08...|25P0[34]|53300)$/.test(code);
  return code === LOST || /^E[A-Z_]+$/.test(code) || (code === '' && /connection|terminated|timeout/i.test(error.message));
}

/** SQLSTATE of the server's error, or the system's code; '' where there is neither. */
export function sqlStateOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** In words, without the password whoever said it. */
export function describePostgres(error: unknown, { ledgerPassword }: Pick<LedgerAddress, 'ledgerPassword'>): string {
  const said = error instanceof AggregateError && error.message === '' ? error.errors.map(messageOf).join('; ') : messageOf(error);
  return createRedactor([ledgerPassword ?? ''], '***').text(said);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? sqlStateOf(error) || error.name : error.message;
}
