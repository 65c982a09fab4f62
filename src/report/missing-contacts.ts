import type { SettledRow } from '../model.js';

/** The contacts that the API doesn't know (404), and how many rows each has. */
export interface MissingContacts {
  /** Most rows first, at most 1,000. */
  readonly listed: readonly MissingContact[];
  /** How many there are; null where they were too many to be told apart. */
  readonly total: number | null;
}

export interface MissingContact {
  readonly contactId: string;
  /** Where it was asked for. */
  readonly subOrg: string | null;
  readonly rows: number;
}

export interface MissingContactsCounter {
  add(row: SettledRow): void;
  result(): MissingContacts;
}

export const MOST_LISTED = 1000;
const MOST_LISTED_CHARACTERS = 100_000;
const MOST_COUNTED = 20_000;
const MOST_COUNTED_CHARACTERS = 2_000_000;

/** Counts in bounded memory: contacts that come after the first 20,000 are left out. */
export function countMissingContacts(): MissingContactsCounter {
  const contacts = new Map<string, { readonly contactId: string; readonly subOrg: string | null; rows: number }>();
  let characters = 0;
  let isComplete = true;

  return {
    add({ draft, outcome }) {
      if (outcome.kind !== 'failed' || outcome.class !== 'not_found' || draft === null) return;
      const { contactId, subOrg } = draft;
      const key = subOrg === null ? contactId : `${contactId}\0${subOrg}`;
      const known = contacts.get(key);
      if (known !== undefined) known.rows++;
      else if (contacts.size < MOST_COUNTED && characters < MOST_COUNTED_CHARACTERS) {
        characters += key.length;
        contacts.set(key, { contactId, subOrg, rows: 1 });
      } else isComplete = false;
    },
    result() {
      const byRows = [...contacts.values()].sort((a, b) => b.rows - a.rows).slice(0, MOST_LISTED);
      let room = MOST_LISTED_CHARACTERS;
      const listed = byRows.filter(({ contactId, subOrg }) => {
        room -= contactId.length + (subOrg?.length ?? 0);
        return room >= 0;
      });
      return { listed: listed.map((contact) => ({ ...contact })), total: isComplete ? contacts.size : null };
    },
  };
}
