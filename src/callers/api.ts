import type { Verdict } from '../model.js';

/** The port to Callers. One call is one HTTP exchange: no retry, no waiting, no decision beyond its own answer. */
export interface CallersApi {
  /** `POST /contacts/{contactId}/memories`. Never throws: every answer, and the lack of one, is a verdict. */
  create(note: NewMemory): Promise<CreateAnswer>;
  /** `GET /contacts/{contactId}/memories`, unfiltered. Never throws. */
  list(contact: ContactAddress): Promise<ListAnswer>;
  /** How far the server's clock is ahead of ours, at least, in milliseconds, as its `Date` headers show; null before the first answer. */
  clockSkewMs(): number | null;
  /** Lets requests under way end and closes the connections. */
  close(): Promise<void>;
}

export interface ContactAddress {
  readonly contactId: string;
  readonly subOrg: string | null;
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
  /** No list could be had: the server's trouble (`outage: true`: no connection, 5xx, no answer) or no such list (404, HTML …). */
  | { readonly kind: 'unlisted'; readonly outage: boolean; readonly message: string }
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
