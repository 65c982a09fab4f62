import type { Verdict } from '../model.js';

/** The port to Callers. One call is one HTTP exchange: no retry, no waiting, no decision beyond its own answer. */
export interface CallersApi {
  /** `POST /contacts/{contactId}/memories`. Never throws: every answer, and the lack of one, is a verdict. */
  create(note: NewMemory): Promise<CreateAnswer>;
  /** `GET /contacts/{contactId}/memories`, unfiltered. Never throws. */
  list(contact: ContactAddress): Promise<ListAnswer>;
  /** `DELETE /memories/{memoryId}`. Never throws. It may be repeated: what is gone stays gone. */
  remove(memory: MemoryAddress): Promise<RemoveAnswer>;
  /** How far the server's clock is ahead of ours, at least, in milliseconds, as its `Date` headers show; null before the first answer. */
  clockSkewMs(): number | null;
  /** Lets requests under way end and closes the connections. */
  close(): Promise<void>;
}

export interface ContactAddress {
  /** Or a campaign and a phone number, see `PhoneAddress`. */
  readonly contactId: string;
  readonly subOrg: string | null;
}

export interface MemoryAddress extends ContactAddress {
  readonly memoryId: string;
}

export interface NewMemory extends ContactAddress {
  readonly name: string;
  readonly text: string;
}

export interface CreateAnswer {
  readonly verdict: Verdict;
  /** null where there was no answer. */
  readonly status: number | null;
  readonly durationMs: number;
  readonly pacing: PacingHint;
}

/** What RateLimit headers say of the next requests. */
export interface PacingHint {
  /** Requests left in the window; null where the header is missing or makes no sense. */
  readonly remaining: number | null;
  /** Milliseconds until the window starts again. */
  readonly resetMs: number | null;
}

export type ListAnswer = {
  readonly status: number | null;
  readonly durationMs: number;
  readonly pacing: PacingHint;
} & (
  | { readonly kind: 'listed'; readonly memories: readonly ListedMemory[] }
  | { readonly kind: 'unauthorized'; readonly message: string }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number | null; readonly message: string }
  /**
   * No list could be had: the server's trouble (`outage: true`: no connection, 5xx, no answer) or no such list (404, HTML …).
   * `refusedBy`: where that is a definite no, whose it is: the API's own word, or somebody else's (a proxy's page, a redirect).
   */
  | {
      readonly kind: 'unlisted';
      readonly outage: boolean;
      readonly refusedBy?: 'api' | 'stranger';
      /** False where there was nothing to ask for. */
      readonly isAsked?: boolean;
      readonly message: string;
    }
);

export type RemoveAnswer = {
  readonly status: number | null;
  readonly durationMs: number;
  readonly pacing: PacingHint;
} & (
  | { readonly kind: 'deleted' }
  /** 404, in the API's own words: there is no such memory. */
  | { readonly kind: 'gone'; readonly message: string }
  | { readonly kind: 'unauthorized'; readonly message: string }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number | null; readonly message: string }
  /** A definite no. `fromApi` as in a verdict. */
  | { readonly kind: 'refused'; readonly fromApi: boolean; readonly message: string }
  /** The server's trouble, or no answer. `sent: false`: certainly nothing was deleted. */
  | { readonly kind: 'failed'; readonly sent: boolean; readonly message: string }
);

export interface ListedMemory {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** `ACTUAL`, `OUTDATED`, `DELETED`, as the server wrote it; null where it is missing or no text. */
  readonly status: string | null;
  /** Epoch milliseconds of the server's clock; null where it is missing or no date. */
  readonly createdAt: number | null;
  /** The same as the server wrote it. */
  readonly createdAtText: string | null;
}
