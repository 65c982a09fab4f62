import { type FaultKind, faultDice, seededRandom } from '../../src/sandbox/faults.js';
import { createCounters, type StubStats } from './counters.js';
import { type Admits, openLimit, type RateLimit } from './limits.js';
import type { StubRequest } from './request-parser.js';

export interface StubOptions {
  /** Every answer comes this much later. */
  readonly latencyMs: number;
  readonly limit: RateLimit | null;
  /** A 429 says when to come back, in whole seconds as the header has them. */
  readonly retryAfter: boolean;
  /** Probability of each kind among the creates. */
  readonly faults: Partial<Record<FaultKind, number>>;
  /** Lists show what was created. Costs the memory of it; without it every list is empty. */
  readonly keepMemories: boolean;
  readonly seed: number;
}

export const PLAIN: StubOptions = { latencyMs: 0, limit: null, retryAfter: false, faults: {}, keepMemories: false, seed: 1 };

/** What goes back on the wire, as latin1 characters; `reset` ends the connection, `hang` leaves the request without an answer. */
export type StubReply = string | 'reset' | 'hang';

/** The API between two resets. */
export interface Behaviour {
  reply(request: StubRequest, now: number): StubReply;
  stats(): StubStats;
}

const CONTACT_PATH = '/contacts/';
const MEMORIES = '/memories';

export function createBehaviour(options: StubOptions): Behaviour {
  const admits: Admits | null = options.limit === null ? null : openLimit(options.limit, Date.now());
  const hasFaults = Object.values(options.faults).some((probability) => probability > 0);
  const dice = hasFaults ? faultDice(seededRandom(options.seed), options.faults) : null;
  const counters = createCounters();
  const dates = createDates();
  const memories = new Map<string, string[]>();
  let ids = 0;

  /** The body is JSON of name and text: its inside goes into the memory as it came. */
  const create = (contact: string, body: string, now: number): string => {
    const memory = `{"id":"mem_${++ids}",${body.slice(1, -1)},"status":"ACTUAL","phoneNumber":"+15550100","campaignId":"c1","createdAt":"${dates.iso(now)}"}`;
    counters.created(contact, body, now);
    if (options.keepMemories) {
      const list = memories.get(contact);
      if (list === undefined) memories.set(contact, [memory]);
      else list.push(memory);
    }
    return memory;
  };

  const answer = (status: number, now: number, body: string, headers = JSON_TYPE): string => {
    counters.answered(status, now);
    return `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n${headers}date: ${dates.http(now)}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  };

  const refuse = (now: number, withRetryAfter: boolean): string =>
    answer(429, now, '{"status":"error","message":"Too many requests"}', withRetryAfter ? `${JSON_TYPE}retry-after: 1\r\n` : JSON_TYPE);

  const lose = (kind: FaultKind, now: number): StubReply => {
    switch (kind) {
      case '429':
        return refuse(now, false);
      case '500':
      case '500-after':
        return answer(500, now, '{"status":"error","message":"Internal server error"}');
      case '502':
      case '502-after':
      case '503':
      case '503-after':
        return answer(Number(kind.slice(0, 3)), now, '<html><body>try later</body></html>', 'content-type: text/html\r\n');
      case 'reset':
      case 'reset-after':
      case 'hang':
      case 'hang-after':
        counters.answered(0, now);
        return kind.startsWith('reset') ? 'reset' : 'hang';
    }
  };

  return {
    reply({ method, target, body }, now) {
      const path = target.split('?', 1)[0]!;
      if (!path.startsWith(CONTACT_PATH) || !path.endsWith(MEMORIES))
        return answer(404, now, '{"status":"error","message":"No such path"}');
      if (admits !== null && !admits(now)) return refuse(now, options.retryAfter);
      const contact = path.slice(CONTACT_PATH.length, -MEMORIES.length);
      if (method === 'GET') {
        counters.listed();
        return answer(200, now, `{"status":"success","data":[${memories.get(contact)?.join(',') ?? ''}]}`);
      }
      if (method !== 'POST' || !body.startsWith('{') || !body.endsWith('}')) {
        return answer(400, now, '{"status":"error","message":"Expected a POST of a JSON object","data":[]}');
      }
      const fault = dice?.roll(true) ?? null;
      if (fault !== null && !fault.endsWith('-after')) return lose(fault, now);
      const memory = create(contact, body, now);
      return fault === null ? answer(201, now, `{"status":"success","data":${memory}}`) : lose(fault, now);
    },
    stats: counters.stats,
  };
}

const JSON_TYPE = 'content-type: application/json\r\n';
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  400: 'Bad Request',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** Dates are made once for all answers of the same millisecond, or second. */
function createDates() {
  let isoAt = Number.NaN;
  let iso = '';
  let second = Number.NaN;
  let http = '';
  return {
    iso(now: number): string {
      if (now !== isoAt) {
        isoAt = now;
        iso = new Date(now).toISOString();
      }
      return iso;
    },
    http(now: number): string {
      const current = Math.floor(now / 1000);
      if (current !== second) {
        second = current;
        http = new Date(now).toUTCString();
      }
      return http;
    },
  };
}
