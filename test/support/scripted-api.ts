import type { CallersApi, ContactAddress, CreateAnswer, ListAnswer, ListedMemory, NewMemory, PacingHint } from '../../src/callers/api.js';
import type { Clock, Verdict } from '../../src/model.js';

/** A server in memory that does what a test's script says, and remembers everything. It lives through the kills of its clients. */
export interface ScriptedServer {
  readonly memories: readonly StoredMemory[];
  readonly calls: readonly Call[];
  creates(contactId?: string): readonly Call[];
  lists(contactId?: string): readonly Call[];
  /** Puts a memory there that the import didn't send. */
  put(memory: MemoryToPut): StoredMemory;
  connect(): Connection;
}

export interface Connection extends CallersApi {
  /** The client was killed: it gets no more answers, and sends nothing more. What it sent is still at work in the server. */
  kill(): void;
}

export interface MemoryToPut extends NewMemory {
  readonly createdAt?: number;
  /** Default: `ACTUAL`. null: lists show none. */
  readonly status?: string | null;
}

export interface StoredMemory extends NewMemory {
  readonly id: string;
  readonly status: string | null;
  /** The server's clock. */
  readonly createdAt: number;
  /** Our clock: from then on lists show it. */
  readonly listedFrom: number;
}

export interface Call {
  readonly verb: 'create' | 'list';
  readonly contactId: string;
  readonly text: string | null;
  readonly at: number;
  answeredAt: number | null;
}

export interface CallContext {
  /** Of this verb, from 0. */
  readonly index: number;
  /** Of this verb for the same contact (and text, where it is a create), from 0. */
  readonly nth: number;
  readonly contactId: string;
  readonly text: string;
  readonly now: number;
}

export type CreateScript =
  | { readonly kind: 'created'; readonly readable?: boolean }
  /**
   * The answer is lost. `createdAfterMs`: when the memory is made, counted from the request's arrival, and so perhaps after the loss; null:
   * never. `status: null` is a reset.
   */
  | { readonly kind: 'lost'; readonly createdAfterMs: number | null; readonly status: number | null; readonly answerAfterMs?: number }
  | { readonly kind: 'refused'; readonly status: number; readonly fromApi?: boolean }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number | null; readonly status?: number }
  | { readonly kind: 'not_sent' };

export type ListScript =
  | { readonly kind: 'listed' }
  | { readonly kind: 'unlisted'; readonly outage: boolean; readonly status: number | null }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number | null };

export interface Script {
  readonly onCreate?: (call: CallContext) => CreateScript;
  readonly onList?: (call: CallContext) => ListScript;
  readonly pacing?: (call: CallContext) => PacingHint;
  readonly latencyMs?: number | ((call: CallContext) => number);
  /** The server's clock is so far ahead of ours. */
  readonly skewMs?: number;
  /** False: it sends no `Date`. Otherwise its clock is known from the start, or, with `first answer`, as a client really learns it. */
  readonly sendsDate?: boolean | 'first answer';
  /** A memory is shown by lists so long after it was made. */
  readonly listLagMs?: number | (() => number);
  /** Lists show the oldest so many and say nothing of the rest. */
  readonly pageSize?: number;
  /** What the server makes of a name and a text. */
  readonly stores?: (value: string) => string;
  /** False: lists show no times. */
  readonly showsTimes?: boolean;
}

const NO_PACING: PacingHint = { remaining: null, resetMs: null };
const CREATED: CreateScript = { kind: 'created' };
const LISTED: ListScript = { kind: 'listed' };

export function createScriptedServer(clock: Clock, script: Script = {}): ScriptedServer {
  const memories: StoredMemory[] = [];
  const calls: Call[] = [];
  const counts = new Map<string, number>();
  const { skewMs = 0, stores = (value) => value } = script;

  const lag = () => (typeof script.listLagMs === 'function' ? script.listLagMs() : (script.listLagMs ?? 0));
  const put = (note: MemoryToPut): StoredMemory => {
    const { contactId, subOrg, status = 'ACTUAL' } = note;
    const createdAt = note.createdAt ?? clock.now() + skewMs;
    const memory = {
      id: `m${memories.length + 1}`,
      contactId,
      subOrg,
      name: stores(note.name),
      text: stores(note.text),
      status,
      createdAt,
      listedFrom: note.createdAt === undefined ? clock.now() + lag() : clock.now(),
    };
    memories.push(memory);
    return memory;
  };

  const count = (key: string): number => {
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    return before;
  };
  const called = (
    verb: Call['verb'],
    { contactId }: ContactAddress,
    text: string | null,
  ): { context: CallContext; call: Call; latency: number } => {
    const call: Call = { verb, contactId, text, at: clock.now(), answeredAt: null };
    calls.push(call);
    const context = { index: count(verb), nth: count(`${verb} ${contactId} ${text}`), contactId, text: text ?? '', now: clock.now() };
    const latency = typeof script.latencyMs === 'function' ? script.latencyMs(context) : (script.latencyMs ?? 20);
    return { context, call, latency };
  };

  const create = async (note: NewMemory): Promise<CreateAnswer> => {
    const { context, call, latency } = called('create', note, note.text);
    const answer = (script.onCreate ?? (() => CREATED))(context);
    const pacing = script.pacing?.(context) ?? NO_PACING;
    const after = answer.kind === 'lost' ? (answer.answerAfterMs ?? latency) : latency;
    let memory: StoredMemory | null = null;
    if (answer.kind === 'created') {
      await clock.sleep(latency / 2);
      memory = put(note);
      await clock.sleep(latency / 2);
    } else {
      if (answer.kind === 'lost' && answer.createdAfterMs !== null) void clock.sleep(answer.createdAfterMs).then(() => put(note));
      await clock.sleep(after);
    }
    call.answeredAt = clock.now();
    const { verdict, status } = verdictOf(answer, memory);
    return { verdict, status, durationMs: after, pacing };
  };

  const list = async (contact: ContactAddress): Promise<ListAnswer> => {
    const { context, call, latency } = called('list', contact, null);
    const answer = (script.onList ?? (() => LISTED))(context);
    const base = { durationMs: latency, pacing: script.pacing?.(context) ?? NO_PACING };
    // What is there when the request arrives: what is made while the answer travels isn't in it.
    const shown = memories.filter(({ contactId, listedFrom }) => contactId === contact.contactId && listedFrom <= clock.now());
    await clock.sleep(latency);
    call.answeredAt = clock.now();
    switch (answer.kind) {
      case 'listed':
        return { ...base, kind: 'listed', status: 200, memories: shown.slice(0, script.pageSize).map(listed) };
      case 'unlisted':
        return { ...base, kind: 'unlisted', status: answer.status, outage: answer.outage, message: `list: ${answer.status ?? 'reset'}` };
      case 'unauthorized':
        return { ...base, kind: 'unauthorized', status: 401, message: 'no such key' };
      case 'rate_limited':
        return { ...base, kind: 'rate_limited', status: 429, retryAfterMs: answer.retryAfterMs, message: 'slow down' };
    }
  };

  const listed = ({ id, name, text, status, createdAt }: StoredMemory): ListedMemory =>
    script.showsTimes === false
      ? { id, name, text, status, createdAt: null, createdAtText: null }
      : { id, name, text, status, createdAt, createdAtText: new Date(createdAt).toISOString() };

  return {
    memories,
    calls,
    creates: (contactId) => calls.filter((call) => call.verb === 'create' && (contactId === undefined || call.contactId === contactId)),
    lists: (contactId) => calls.filter((call) => call.verb === 'list' && (contactId === undefined || call.contactId === contactId)),
    put,
    connect() {
      let alive = true;
      let hasSeenDate = script.sendsDate === undefined || script.sendsDate === true;
      const whileAlive = <T extends { readonly status: number | null }>(ask: () => Promise<T>): Promise<T> =>
        new Promise((resolve) => {
          if (!alive) return;
          void ask().then((answer) => {
            if (!alive) return;
            hasSeenDate ||= answer.status !== null && script.sendsDate === 'first answer';
            resolve(answer);
          });
        });
      return {
        create: (note) => whileAlive(() => create(note)),
        list: (contact) => whileAlive(() => list(contact)),
        remove: () => Promise.reject(new Error('no script for a delete')),
        clockSkewMs: () => (hasSeenDate ? skewMs : null),
        close: async () => {},
        kill() {
          alive = false;
        },
      };
    },
  };
}

function verdictOf(answer: CreateScript, memory: StoredMemory | null): { readonly verdict: Verdict; readonly status: number | null } {
  switch (answer.kind) {
    case 'created': {
      const readable = memory !== null && answer.readable !== false;
      const found = readable ? { id: memory.id, createdAt: new Date(memory.createdAt).toISOString() } : null;
      return { verdict: { kind: 'created', memory: found }, status: 201 };
    }
    case 'lost': {
      const { status } = answer;
      const message = status === null ? 'the connection was reset' : `answered ${status}`;
      return { verdict: { kind: 'doubt', class: status === null ? 'network' : 'server_error', status, message }, status };
    }
    case 'refused': {
      const { status, fromApi = true } = answer;
      const failureClass = ({ 400: 'bad_request', 403: 'forbidden', 404: 'not_found' } as const)[status] ?? 'rejected';
      return { verdict: { kind: 'refused', class: failureClass, status, message: `refused ${status}`, details: null, fromApi }, status };
    }
    case 'unauthorized':
      return { verdict: { kind: 'unauthorized', message: 'no such key' }, status: 401 };
    case 'rate_limited': {
      const { retryAfterMs, status = 429 } = answer;
      return { verdict: { kind: 'rate_limited', status, retryAfterMs, message: 'slow down' }, status };
    }
    case 'not_sent':
      return { verdict: { kind: 'not_sent', code: 'ECONNREFUSED', message: 'connection refused' }, status: null };
  }
}
