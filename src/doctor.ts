import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ListAnswer } from './callers/api.js';
import { createClient } from './callers/client.js';
import { liveHolder } from './ledger/holder.js';
import { openLedgerToRead, whoIsUnderWay } from './ledger/open.js';
import { isPostgres } from './ledger-address.js';
import { type ImportOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { freeBytes, LEAST_BYTES, nearestExisting } from './run/disk-space.js';
import { USER_AGENT } from './version.js';

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
}

export interface DoctorCheck {
  readonly name: 'node' | 'api' | 'latency' | 'clock' | 'ledger' | 'folders' | 'disk';
  /** `warning`: an import would run, and somebody should look. */
  readonly ok: boolean | 'warning';
  readonly message: string;
}

/**
 * Checks what an import needs, and creates nothing: the API is only asked for the memories of a contact that isn't there.
 * @throws OptionsError where an option, or the key, is missing or wrong
 */
export async function doctor(
  options: ImportOptions,
  hooks: { readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<DoctorReport> {
  const env = hooks.env ?? process.env;
  const resolved = resolveOptions(options, env, { key: true, inputs: false });
  return {
    checks: [
      checkNode(process.versions.node),
      ...(await checkApi(resolved, env)),
      await checkLedger(resolved),
      ...checkDisk(isPostgres(resolved.ledger) ? [resolved.out] : [dirname(resolved.ledger), resolved.out]),
    ],
  };
}

function checkNode(version: string): DoctorCheck {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 18);
  return { name: 'node', ok, message: ok ? `Node ${version}` : `Node ${version}; 20.18 or newer is needed` };
}

/** Nobody's contact: whether it is found doesn't matter, only who answers, and how. */
const NOBODY = 'memory-import-doctor';

async function checkApi(options: ResolvedOptions, env: Readonly<Record<string, string | undefined>>): Promise<readonly DoctorCheck[]> {
  const { baseUrl, apiKey, timeoutMs } = options;
  const api = createClient({ baseUrl, apiKey, timeoutMs, connections: 1, userAgent: USER_AGENT, env });
  try {
    const first = await api.list({ contactId: NOBODY, subOrg: options.subOrg });
    const reached = apiVerdict(first, options);
    if (first.status === null) return [reached];
    // The first answer's time includes the connection; the second's is what each request of an import costs.
    const second = await api.list({ contactId: NOBODY, subOrg: options.subOrg });
    return [reached, latencyVerdict(second), clockVerdict(api.clockSkewMs())];
  } finally {
    await api.close();
  }
}

function apiVerdict(answer: ListAnswer, { baseUrl, subOrg }: ResolvedOptions): DoctorCheck {
  const check = (ok: DoctorCheck['ok'], message: string): DoctorCheck => ({ name: 'api', ok, message });
  switch (answer.kind) {
    case 'listed':
      return check(true, `${baseUrl} answers and accepts the key`);
    case 'unauthorized':
      return check(false, `${baseUrl} refuses the key (401): ${answer.message}. Check --api-key-file or CALLERS_API_KEY.`);
    case 'rate_limited':
      return check('warning', `${baseUrl} answers, but asks for patience (${answer.message}): too many requests are sent with this key`);
    case 'unlisted':
      break;
  }
  if (answer.status === null)
    return check(false, `${baseUrl} can't be reached: ${answer.message}. Check --base-url, the network and the proxy variables.`);
  if (answer.outage) return check(false, `${baseUrl} is in trouble: ${answer.message}`);
  // The client gives the API's own words; only where there are none does the status line stand there.
  const saysTheApi = !answer.message.startsWith(`${answer.status} `);
  if (answer.status === 404 && saysTheApi) return check(true, `${baseUrl} answers and accepts the key`);
  if (answer.status === 403) {
    const hint = subOrg === null ? '' : ` Does the sub organization ${subOrg} belong to the key's organization?`;
    return check(false, `${baseUrl} forbids it (403): ${answer.message}.${hint}`);
  }
  return check(false, `${baseUrl} doesn't answer like the API: ${answer.message}. Check --base-url, and its path prefix.`);
}

const SLOW_MS = 2000;

function latencyVerdict({ durationMs, status }: ListAnswer): DoctorCheck {
  if (status === null) return { name: 'latency', ok: 'warning', message: 'a second request got no answer: the connection is not reliable' };
  const ms = Math.round(durationMs);
  return {
    name: 'latency',
    ok: ms <= SLOW_MS || 'warning',
    message: `${ms} ms for one request${ms <= SLOW_MS ? '' : ': slow, an import would take long'}`,
  };
}

/** The import corrects by it; a large one is a sign that a clock is wrong. */
const MUCH_SKEW_MS = 60_000;

function clockVerdict(skewMs: number | null): DoctorCheck {
  if (skewMs === null)
    return { name: 'clock', ok: 'warning', message: "the server sends no Date header: a difference of clocks can't be seen" };
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  // `Date` has whole seconds.
  if (seconds <= 2) return { name: 'clock', ok: true, message: "our clock and the server's agree" };
  const message = `our clock is ${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`;
  return { name: 'clock', ok: Math.abs(skewMs) <= MUCH_SKEW_MS || 'warning', message };
}

async function checkLedger(resolved: ResolvedOptions): Promise<DoctorCheck> {
  const { ledger: path, baseUrl, apiKey, sameAccount } = resolved;
  const check = (ok: DoctorCheck['ok'], message: string): DoctorCheck => ({ name: 'ledger', ok, message });
  try {
    const holder = isPostgres(path) ? null : liveHolder(path);
    if (holder !== null) {
      return check(
        'warning',
        `${path} is held by process ${holder.pid} on ${holder.host} since ${holder.since} (${holder.what}): an import would end with exit code 4`,
      );
    }
    const ledger = await openLedgerToRead(resolved, { baseUrl: baseUrl.href, apiKey, sameAccount });
    if (ledger === null) {
      const where = isPostgres(path) ? `${path} can be reached, and has no ledger yet` : `${path} isn't there yet`;
      return check(true, `${where}: the first import creates it`);
    }
    try {
      const runs = await ledger.runs();
      const known = `knows ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`;
      if (!isPostgres(path)) return check(true, `${path} is intact, and ${known}`);
      const isUnderWay = await whoIsUnderWay(resolved);
      return check(true, `${path} can be reached, and ${known}; ${runs.filter(isUnderWay).length} under way`);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    return check(false, error instanceof Error ? error.message : String(error));
  }
}

const LITTLE_BYTES = 1024 ** 3;

function checkDisk(folders: readonly string[]): readonly DoctorCheck[] {
  const places = [...new Set(folders)].map((folder) => ({ folder, existing: nearestExisting(folder) }));
  const unwritable = places.filter(({ existing }) => !isWritableFolder(existing)).map(({ folder }) => folder);
  const writable: DoctorCheck = {
    name: 'folders',
    ok: unwritable.length === 0,
    message: unwritable.length === 0 ? `${folders.join(' and ')} can be written` : `${unwritable.join(' and ')} can't be written`,
  };
  const known = places.map(({ existing }) => freeBytes(existing)).filter((free) => free !== null);
  if (known.length === 0) return [writable, { name: 'disk', ok: 'warning', message: "the system doesn't tell how much is free" }];
  const free = Math.min(...known);
  const space = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  if (free < LEAST_BYTES) return [writable, { name: 'disk', ok: false, message: `${space}: not enough for a ledger` }];
  return [
    writable,
    { name: 'disk', ok: free >= LITTLE_BYTES || 'warning', message: space + (free < LITTLE_BYTES ? ': little for a large import' : '') },
  ];
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
