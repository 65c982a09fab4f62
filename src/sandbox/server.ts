import type { Socket } from 'node:net';
import { behaviour, type Course } from './behaviour.js';
import { type FaultKind, faultDice, seededRandom } from './faults.js';
import { type Exchange, serveHttp } from './http.js';
import { DEFAULT_SANDBOX_KEY, FOREIGN_SUB_ORGS, MISSING_CONTACTS, type SandboxOptions } from './options.js';
import { rateLimiter } from './rate-limit.js';
import { type Reply, send } from './reply.js';
import { type ApiCall, callersApi } from './routes.js';
import { type MemoryChange, memoryStore, type StoredMemory } from './store.js';
import { type RequestRecord, traffic } from './traffic.js';

/**
 * Serves the imitation on 127.0.0.1 until `close()`.
 * @throws Error where the port can't be had (`cause` says why), RangeError for faults or a rate that make no sense.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { now = Date.now, clockSkewMs = 0, latencyMs = 0, lists = {} } = options;
  const random = seededRandom(options.seed ?? 1);
  const dice = faultDice(random, options.faults ?? {});
  const limiter = options.rateLimit === undefined ? null : rateLimiter(options.rateLimit);
  const decide = behaviour({ dice, random, limiter, script: options.answerWith, now });
  const store = memoryStore({ mangle: lists.mangle, resume: options.resume ?? [] });
  const books = traffic(options.keepRequests ?? 100_000);
  const api = callersApi(store, {
    apiKey: options.apiKey ?? DEFAULT_SANDBOX_KEY,
    missing: new Set(options.missing ?? MISSING_CONTACTS),
    foreignSubOrgs: new Set(options.foreignSubOrgs ?? FOREIGN_SUB_ORGS),
    lists,
    createdBody: options.createdBody ?? 'full',
    clockSkewMs,
    now,
  });
  // Node's own `Date` header is cheaper and right as long as the clock is the real one.
  const dateHeader = options.now === undefined && clockSkewMs === 0 ? null : () => ({ date: new Date(now() + clockSkewMs).toUTCString() });
  const timers = new Set<NodeJS.Timeout>();

  const http = await serveHttp({ port: options.port ?? 0, books, now, stats, dateHeader, serve });

  function serve(exchange: Exchange): void {
    const { visit, call, response } = exchange;
    const { course, headers } = decide(call, { method: visit.record.method, index: visit.index });
    if (latencyMs === 0) {
      answer();
      return;
    }
    const stopWatching = whenLeaving(response.socket, () => books.leave(visit));
    later(latencyMs, () => {
      stopWatching();
      answer();
    });

    function answer(): void {
      const reply = take(call, course);
      books.answer(visit, reply.kind === 'reset' || reply.kind === 'hang' ? reply.kind : reply.status);
      if (reply.kind === 'hang') whenLeaving(response.socket, () => books.leave(visit));
      else send(response, reply, dateHeader === null ? headers : { ...headers, ...dateHeader() });
    }
  }

  function take(call: ApiCall, course: Course): Reply {
    switch (course.kind) {
      case 'honest':
        return api(call);
      case 'instead':
        return course.reply;
      case 'after': {
        const honest = api(call);
        // A refusal isn't lost: what `-after` is about is a memory that is there and an answer that isn't.
        return 'status' in honest && honest.status < 300 ? course.reply : honest;
      }
      case 'late':
        later(course.createLateMs, () => api(call));
        return { kind: 'reset' };
    }
  }

  function later(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, delayMs);
    timers.add(timer);
  }

  function stats(): SandboxStats {
    const { created, distinct, duplicates } = store.count();
    return {
      created,
      distinct,
      duplicates,
      requests: books.requestCount(),
      byStatus: books.byStatus(),
      peakConcurrency: books.peakConcurrency(),
    };
  }

  return {
    url: `http://127.0.0.1:${http.port}`,
    port: http.port,
    stats,
    memories: store.all,
    seed: (contactId, { name, text, subOrg = null, createdAt = new Date(now() + clockSkewMs) }) =>
      store.add({ contactId, subOrg, name, text, createdAt: new Date(createdAt).toISOString(), visibleFrom: 0 }),
    change(id, change) {
      const changed = store.change(id, { ...change, updatedAt: new Date(now() + clockSkewMs).toISOString() });
      if (changed === undefined) throw new RangeError(`expected the id of a memory; found ${id}`);
      return changed;
    },
    requests: books.requests,
    setFaults: dice.load,
    setDown: http.setDown,
    overlaps: books.overlaps,
    close() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      return http.close();
    },
  };
}

/** A running imitation of the API. */
export interface Sandbox {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  stats(): SandboxStats;
  /** Every memory in creation order, deleted ones included. */
  memories(): readonly StoredMemory[];
  /** Preloads a memory, which lists show at once. It counts in the stats like any other: a copy of it is a duplicate. */
  seed(contactId: string, note: SeedNote): StoredMemory;
  /** Alters a memory, or deletes it (`status: 'DELETED'`), as a person in Callers would: no request shows it. */
  change(id: string, change: Omit<MemoryChange, 'updatedAt'>): StoredMemory;
  /** The newest requests, oldest first; `/__stats` is none. */
  requests(): readonly RequestRecord[];
  /** Replaces the faults for the requests that come from now on. */
  setFaults(faults: Partial<Record<FaultKind, number>>): void;
  /** While down, connections are reset at accept; going down resets those that are open. What was being done is done. */
  setDown(down: boolean): void;
  /** How many pairs of creates of one contact were under way together. Give it latency, or the window is short. */
  overlaps(): number;
  /** Ends at once, whatever is under way. Afterwards the port is free: start again with `resume` to go on. */
  close(): Promise<void>;
}

/** What `GET /__stats` answers; the names are a contract: scripts read them. Deleted memories count nowhere. */
export interface SandboxStats {
  readonly created: number;
  /** Different combinations of contact, sub organization, name and text. */
  readonly distinct: number;
  readonly duplicates: number;
  readonly requests: number;
  /** By HTTP status, `reset` or `hang`. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly peakConcurrency: number;
}

export interface SeedNote {
  readonly name: string;
  readonly text: string;
  readonly subOrg?: string | null;
  /** Of the server's clock. Default: now. */
  readonly createdAt?: Date | string;
}

// Calls back once, when the client closes its connection or half of it. Returns what stops the watch.
function whenLeaving(socket: Socket | null, left: () => void): () => void {
  const stop = () => {
    socket?.off('end', leave);
    socket?.off('close', leave);
  };
  const leave = () => {
    stop();
    left();
  };
  if (socket === null || socket.destroyed) left();
  else socket.once('end', leave).once('close', leave);
  return stop;
}
