import { parsePhoneAddress } from '../phone-address.js';
import type { CallersApi, ListAnswer } from './api.js';

export interface PhoneBook {
  /** The contact that has this phone number (see `PhoneAddress`), as far as it was ever learnt. */
  readonly contactOf: (address: string) => Promise<string | null>;
  readonly learn: (address: string, contactId: string) => void;
}

/** So many contacts are remembered; the book knows the others. */
const REMEMBERED = 10_000;

/**
 * Lists contacts that are addressed by phone number. The API lists by contactId alone, which the answer to a create tells: before the first
 * one there is no list, and so no way to learn what became of a request whose answer was lost.
 */
export function listByPhone(api: CallersApi, book: PhoneBook): CallersApi {
  const remembered = new Map<string, string>();

  const createByPhone: CallersApi['create'] = async (note) => {
    const answer = await api.create(note);
    const { verdict } = answer;
    const contactId = verdict.kind === 'created' ? (verdict.memory?.contactId ?? null) : null;
    if (contactId === null || remembered.get(note.contactId) === contactId) return answer;
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(note.contactId, contactId);
    book.learn(note.contactId, contactId);
    return answer;
  };

  return {
    ...api,
    create(note) {
      return parsePhoneAddress(note.contactId) === null ? api.create(note) : createByPhone(note);
    },
    async list(contact) {
      if (parsePhoneAddress(contact.contactId) === null) return api.list(contact);
      const contactId = remembered.get(contact.contactId) ?? (await book.contactOf(contact.contactId));
      return contactId === null ? UNKNOWN : api.list({ ...contact, contactId });
    },
  };
}

const UNKNOWN: ListAnswer = {
  kind: 'unlisted',
  outage: false,
  isAsked: false,
  status: null,
  durationMs: 0,
  pacing: { remaining: null, resetMs: null },
  message: 'the API lists memories by contactId, and it never said which contact has this phone number',
};
