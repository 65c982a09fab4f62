import type { Draft, Outcome, RowFailure } from '../model.js';
import { assertNever } from '../model.js';

/** How a row ended, with its label, as far as it says something of its contact. */
export interface Lesson {
  readonly draft: Pick<Draft, 'contactId' | 'subOrg'>;
  readonly label: string;
  readonly outcome: { readonly kind: Exclude<Outcome['kind'], 'failed'> } | Pick<RowFailure, 'kind' | 'class'>;
}

/** What the rows of this run have shown of their contacts, for the rows that follow. */
export interface ContactLessons {
  /** A row that ended open ends its lane: later notes of the contact would overtake it. A 404 is remembered for the contact. */
  learn(row: Lesson): void;
  /** What a row is that mustn't be sent because an earlier one of its contact ended open; null: it may. */
  held(draft: Draft): RowFailure | null;
  /** What a row is whose contact isn't there, as an earlier one was told; null: not known. */
  missing(draft: Draft): RowFailure | null;
}

/** So many missing contacts are remembered; rows of further ones are asked for, each by a request. */
const MISSING_CONTACTS = 500_000;

export function createContactLessons(order: 'contact' | 'none'): ContactLessons {
  // By contact, the label of the row that taught it.
  const closed = new Map<string, string>();
  const missing = new Map<string, string>();

  return {
    learn({ draft, label, outcome }) {
      if (outcome.kind !== 'failed') return;
      switch (outcome.class) {
        case 'in_doubt':
        case 'network':
        case 'server_error':
        case 'rate_limited':
        case 'held':
          if (order === 'contact' && !closed.has(draft.contactId)) closed.set(draft.contactId, label);
          return;
        case 'not_found': {
          const address = addressOf(draft);
          if (missing.size < MISSING_CONTACTS && !missing.has(address)) missing.set(address, label);
          return;
        }
        case 'malformed':
        case 'invalid':
        case 'bad_request':
        case 'forbidden':
        case 'rejected':
          return;
        default:
          assertNever(outcome.class);
      }
    },
    held({ contactId }) {
      const by = closed.get(contactId);
      if (by === undefined) return null;
      const message = `not sent: row ${by} of the same contact ended open, and the order would be lost; run the import again`;
      return { kind: 'failed', class: 'held', status: null, message, details: null, attempts: 0 };
    },
    missing(draft) {
      const asked = missing.get(addressOf(draft));
      if (asked === undefined) return null;
      const message = `no such contact (asked for row ${asked})`;
      return { kind: 'failed', class: 'not_found', status: 404, message, details: null, attempts: 0 };
    },
  };
}

/** A contact may be missing in one sub organization and there in another. */
function addressOf({ contactId, subOrg }: Lesson['draft']): string {
  return subOrg === null ? contactId : `${contactId}\0${subOrg}`;
}
