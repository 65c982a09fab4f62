import type { FaultKind } from './faults.js';
import type { Mangle, StoredMemory } from './store.js';

/** What a sandbox can be asked to be. Everything is optional; without options it is a healthy, fast API. */
export interface SandboxOptions {
  /** On 127.0.0.1; 0, the default, picks a free one. */
  readonly port?: number;
  /** What `Authorization` must hold, as it is. */
  readonly apiKey?: string;
  /** Every API request waits this long before anything is done for it. */
  readonly latencyMs?: number;
  /** Requests a second over a sliding window; what is more gets 429 with `Retry-After` and RateLimit headers. */
  readonly rateLimit?: number;
  /** Probability of each kind; their sum is at most 1. */
  readonly faults?: Partial<Record<FaultKind, number>>;
  /** Contacts that answer 404. Default: `MISSING_CONTACTS`. */
  readonly missing?: readonly string[];
  /** Sub organizations that answer 403. Default: `FOREIGN_SUB_ORGS`. */
  readonly foreignSubOrgs?: readonly string[];
  /** Start of the faults' random numbers: the same seed and the same order of requests give the same faults. Default 1. */
  readonly seed?: number;
  readonly lists?: ListQuirks;
  /** The server's clock is this much ahead of ours: in `createdAt` and in the `Date` header. */
  readonly clockSkewMs?: number;
  /** What the body of a 201 is: `cut` closes the connection after half of it, `no-id` is JSON without the id. */
  readonly createdBody?: CreatedBody;
  /** Decides request by request, before the rate limit and the faults; `undefined` leaves the request to them. */
  readonly answerWith?: (request: ScriptedRequest) => ScriptedAnswer | undefined;
  /** Memories of an earlier sandbox, to go on with after a restart: `startSandbox({ port, resume: before.memories() })`. */
  readonly resume?: readonly StoredMemory[];
  /** How many of the newest requests `requests()` remembers. Default 100,000. */
  readonly keepRequests?: number;
  /** Milliseconds since the epoch, for `createdAt`, late lists and the rate limit. */
  readonly now?: () => number;
}

/** Ways in which lists are less than one hopes. */
export interface ListQuirks {
  /** A memory shows up only this long after it was created. Preloaded ones are there at once. */
  readonly lateMs?: number;
  /** The list is cut to the first n, without a word. */
  readonly pageSize?: number;
  readonly newestFirst?: boolean;
  /** What the server makes of name and text before it stores them. */
  readonly mangle?: Mangle;
  /** Every list answers this, with an HTML body. */
  readonly status?: number;
  /** The first n lists answer 500. */
  readonly failFirst?: number;
  readonly omitCreatedAt?: boolean;
  /** Lists without a filter show deleted memories too, as `DELETED`. */
  readonly showDeleted?: boolean;
}

export type CreatedBody = 'full' | 'empty' | 'cut' | 'html' | 'no-id';

export interface ScriptedRequest {
  readonly method: string;
  /** null for a DELETE, which names a memory. */
  readonly contactId: string | null;
  /** Of a DELETE; otherwise null. */
  readonly memoryId: string | null;
  readonly subOrg: string | null;
  /** null where there is no body with one. */
  readonly name: string | null;
  readonly text: string | null;
  /** The request's number among all that the sandbox saw, from 0. */
  readonly index: number;
  /** How many requests like it (method, contact or memory, sub organization, name, text) came before, from 0. */
  readonly repeat: number;
}

export type ScriptedAnswer =
  | FaultKind
  /** Connection reset now; the memory is created that much later all the same. */
  | { readonly createLateMs: number }
  /** This answer; the request is carried out first only with `create: true`. Objects are sent as JSON, strings as HTML unless `headers` say otherwise. */
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | object;
      readonly create?: boolean;
    };

/** Contacts that `samples/crm-notes.csv` names and that don't exist. */
export const MISSING_CONTACTS: readonly string[] = ['C-1999', 'C-2000', 'C-2001'];

/** The sub organization in `samples/crm-notes.csv` that isn't the key's own. */
export const FOREIGN_SUB_ORGS: readonly string[] = ['so-elsewhere'];

export const DEFAULT_SANDBOX_KEY = 'sandbox-key';
