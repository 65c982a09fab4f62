import { createRequire } from 'node:module';
import type { Dispatcher } from 'undici';
// Not the whole of undici: with fetch, WebSocket, caches and mocks it takes 70 ms more to load, and 9 MB to hold. Its version is pinned.
import Pool from 'undici/lib/dispatcher/pool.js';
import { UserError } from '../errors.js';
import { parsePhoneAddress } from '../phone-address.js';
import { createRedactor } from '../redact.js';
import type { CallersApi, ContactAddress, CreateAnswer, ListAnswer, MemoryAddress, NewMemory, RemoveAnswer } from './api.js';
import { Attempt, type AttemptOptions } from './attempt.js';
import { classifyCreate, classifyList, type Exchange } from './classify.js';
import { classifyRemove } from './classify-remove.js';
import { createClockSkew } from './clock-skew.js';
import { createDeadlines } from './deadlines.js';
import { failureReason } from './failure.js';
import { headerValue } from './headers.js';
import { proxySettings } from './proxy.js';
import { NO_PACING, pacingHint } from './retry-after.js';

interface ClientOptions {
  /** The API's address, with a path prefix if it has one. The key goes to this origin only. */
  readonly baseUrl: URL;
  /** Sent as it is in `Authorization`. */
  readonly apiKey: string;
  /** For one attempt as a whole, milliseconds: connecting, sending, reading. */
  readonly timeoutMs: number;
  /** Most connections at the same time. More requests than that wait for one. */
  readonly connections: number;
  /** Default `memory-import`; with a version: `memory-import/1.2.3`. */
  readonly userAgent?: string;
  /** Where the proxy variables are looked for; default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Our clock, epoch ms. Default: the system's. */
  readonly now?: () => number;
  /** Asked at the last moment before a create's first byte; false: it isn't sent. */
  readonly mayCreate?: () => boolean;
}

/**
 * The Callers API over HTTP/1.1: one call is one exchange. Redirects aren't followed, nothing is repeated.
 *
 * @throws UserError if the key can't stand in a header or a proxy variable holds no URL
 */
export function createClient(options: ClientOptions): CallersApi {
  const { baseUrl, apiKey, timeoutMs } = options;
  if (!HEADER_VALUE.test(apiKey)) {
    throw new UserError('The API key must be printable characters of one line, without spaces around them. Check where it comes from.');
  }
  const dispatcher = openDispatcher(options);
  const skew = createClockSkew();
  const redactor = createRedactor([apiKey], MASK);
  const { origin } = baseUrl;
  const prefix = baseUrl.pathname.replace(/\/+$/, '');
  const userAgent = options.userAgent ?? 'memory-import';
  const listHeaders = ['authorization', apiKey, 'accept', 'application/json', 'user-agent', userAgent];
  const createHeaders = [...listHeaders, 'content-type', 'application/json'];
  let underWay = 0;
  let closing: Promise<void> | null = null;
  let onIdle: (() => void) | null = null;

  const shared = {
    now: options.now ?? Date.now,
    timeoutMs,
    deadlines: createDeadlines<Attempt>(timeoutMs, (attempt) => attempt.expire()),
    reasonOf: (error: unknown) => failureReason(error, baseUrl.host),
    onHeaders: (headers, sentAt, receivedAt) => skew.observe(headerValue(headers, 'date'), sentAt, receivedAt),
  } satisfies Partial<AttemptOptions>;
  const removeOptions: AttemptOptions = { ...shared, maxBodyBytes: () => MAX_ANSWER_BYTES };
  const createOptions: AttemptOptions = options.mayCreate === undefined ? removeOptions : { ...removeOptions, mayStart: options.mayCreate };
  const listOptions: AttemptOptions = { ...shared, maxBodyBytes: (status) => (status === 200 ? MAX_LIST_BYTES : MAX_ANSWER_BYTES) };

  /** @param read what the exchange says: called once, where it has ended */
  function exchange<A>(
    attemptOptions: AttemptOptions,
    { method, headers, body, path, subOrg }: Request,
    read: (ended: Exchange, startedAt: number) => A,
  ): Promise<A> {
    const startedAt = performance.now();
    if (closing !== null) return Promise.resolve(read(unsent('CLOSED', 'the client is closed'), startedAt));
    if (path === null) return Promise.resolve(read(unsent('INVALID_CONTACT_ID', "the contactId can't stand in a URL"), startedAt));
    underWay += 1;
    return new Promise((resolve, reject) => {
      const attempt = new Attempt(attemptOptions, (ended) => {
        underWay -= 1;
        if (underWay === 0) onIdle?.();
        // Undici has called this, and would take an error for one of the connection.
        try {
          resolve(read(ended, startedAt));
        } catch (error) {
          reject(error);
        }
      });
      dispatcher.dispatch(
        {
          origin,
          path: prefix + path,
          method,
          headers: subOrg === null ? headers : [...headers, 'x-sub-organization-id', subOrg],
          body,
        },
        attempt,
      );
    });
  }

  function create(note: NewMemory): Promise<CreateAnswer> {
    const body = JSON.stringify({ name: note.name, text: note.text });
    return exchange(
      createOptions,
      { method: 'POST', headers: createHeaders, body, path: memoriesOf(note), subOrg: note.subOrg },
      (ended, startedAt) => ({ verdict: classifyCreate(ended, redactor), ...measures(ended, startedAt) }),
    );
  }

  function list(contact: ContactAddress): Promise<ListAnswer> {
    return exchange(
      listOptions,
      { method: 'GET', headers: listHeaders, body: null, path: memoriesOf(contact), subOrg: contact.subOrg },
      (ended, startedAt) => ({ ...classifyList(ended, redactor), ...measures(ended, startedAt) }),
    );
  }

  async function remove({ memoryId, subOrg }: MemoryAddress): Promise<RemoveAnswer> {
    const segment = pathSegment(memoryId);
    // No other path may be called with DELETE.
    if (segment === null)
      return { kind: 'refused', fromApi: false, message: "the memory's id can't stand in a URL", ...NO_EXCHANGE, durationMs: 0 };
    return exchange(
      removeOptions,
      { method: 'DELETE', headers: listHeaders, body: null, path: `/memories/${segment}`, subOrg },
      (ended, startedAt) => ({ ...classifyRemove(ended, redactor), ...measures(ended, startedAt) }),
    );
  }

  async function shutDown(): Promise<void> {
    if (underWay > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    // Not dispatcher.close(): it would also wait for connections that nobody needs any more.
    await dispatcher.destroy();
  }

  function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  return { create, list, remove, clockSkewMs: () => skew.lowestMs(), close };
}

interface Request {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Names and values in turn: what undici takes without copying. */
  readonly headers: string[];
  readonly body: string | null;
  /** Below the base URL; null where the contactId makes none. */
  readonly path: string | null;
  readonly subOrg: string | null;
}

// Without letters, since a text may come through the redactor twice.
const MASK = '***';
/** A legal, trimmed header value of at least one character (RFC 9110 section 5.5; undici writes latin1). */
const HEADER_VALUE = /^[!-~\u00a1-\u00ff](?:[ -~\u00a1-\u00ff]*[!-~\u00a1-\u00ff])?$/;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_LIST_BYTES = 32 * 1024 * 1024;
const MAX_CONNECT_MS = 10_000;
/** Below a usual server's 5 s, so that we close an idle connection before the server does and no request meets a closed one. */
const IDLE_MS = 4_000;
/** Where the server announces a longer time, up to this; what lies between may forget an idle connection without a word. */
const MAX_IDLE_MS = 30_000;

function openDispatcher({ baseUrl, timeoutMs, connections, env = process.env }: ClientOptions): Dispatcher {
  const connectTimeout = Math.min(timeoutMs, MAX_CONNECT_MS);
  const settings = {
    connections,
    connectTimeout,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: MAX_IDLE_MS,
    // The attempt's own deadline covers both.
    headersTimeout: 0,
    bodyTimeout: 0,
  } satisfies Pool.Options;
  const proxied = proxySettings(baseUrl, env);
  if (proxied === null) return new Pool(baseUrl.origin, settings);
  // A proxy needs all of it.
  const { EnvHttpProxyAgent } = createRequire(import.meta.url)('undici') as typeof import('undici'); // its own main file
  return new EnvHttpProxyAgent({
    ...settings,
    // All three are given, so that undici doesn't look into the process's environment.
    httpProxy: proxied.proxy,
    httpsProxy: proxied.proxy,
    noProxy: proxied.noProxy,
    requestTls: { timeout: connectTimeout },
    proxyTls: { timeout: connectTimeout },
    // A proxy that never answers CONNECT would otherwise hold its connection for undici's five minutes.
    clientFactory: (origin, opts) => new Pool(origin, { ...opts, headersTimeout: connectTimeout }),
    factory: (origin, opts) => new Pool(origin, endingConnect(opts)),
  });
}

/**
 * Undici connects again at once, and for ever, where connecting fails with its own "other side closed", which is what a proxy
 * that hangs up at CONNECT looks like. Under another code the request fails, as it does for every other error.
 */
function endingConnect(opts: Pool.Options): Pool.Options {
  const { connect } = opts;
  if (typeof connect !== 'function') return opts;
  return {
    ...opts,
    connect: (target, callback) =>
      connect(target, (...[error, socket]) => {
        if (error === null) callback(null, socket);
        else callback(errorOfProxy(error), null);
      }),
  };
}

function errorOfProxy(error: Error): Error {
  const code = 'code' in error ? error.code : null;
  if (code !== 'UND_ERR_SOCKET' && code !== 'UND_ERR_ABORTED') return error;
  const status = /\((\d{3})\)/.exec(error.message)?.[1];
  const told = status === undefined ? 'the proxy closed the connection' : `the proxy refused to connect (${status})`;
  return Object.assign(new Error(`${told}; check https_proxy and no_proxy`, { cause: error }), { code: 'PROXY_FAILED' });
}

function memoriesOf({ contactId }: ContactAddress): string | null {
  const byPhone = parsePhoneAddress(contactId);
  if (byPhone !== null) {
    const campaign = pathSegment(byPhone.campaignId);
    return campaign === null ? null : `/campaigns/${campaign}/contacts/${encodeURIComponent(byPhone.phoneNumber)}/memories`;
  }
  const segment = pathSegment(contactId);
  return segment === null ? null : `/contacts/${segment}/memories`;
}

/** One segment whatever is in it, or null for what no encoding makes one. */
function pathSegment(id: string): string | null {
  if (id === '' || id === '.' || id === '..') return null;
  try {
    return encodeURIComponent(id);
  } catch {
    // Half of a surrogate pair has no UTF-8.
    return null;
  }
}

function unsent(code: string, message: string): Exchange {
  return { kind: 'failed', sent: false, code, message };
}

const NO_EXCHANGE = { status: null, pacing: NO_PACING };

function measures(exchange: Exchange, startedAt: number): Pick<CreateAnswer, 'status' | 'durationMs' | 'pacing'> {
  const durationMs = performance.now() - startedAt;
  if (exchange.kind === 'failed') return { status: null, durationMs, pacing: NO_PACING };
  return { status: exchange.status, durationMs, pacing: pacingHint(exchange.headers, exchange.receivedAt) };
}
