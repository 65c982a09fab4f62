import type { ListAnswer, ListedMemory } from '../callers/api.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Draft } from '../model.js';
import type { Looker } from './look.js';

/** `--adopt`: what is in the API already counts as imported, each memory for one row. */
export interface Adopter {
  find(draft: Draft): Promise<Adoption>;
}

export type Adoption =
  | { readonly kind: 'found'; readonly memory: ListedMemory }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unproven'; readonly why: string }
  | { readonly kind: 'stopped' };

export interface AdopterOptions {
  readonly looker: Pick<Looker, 'list' | 'askForLongest'>;
  readonly ledger: Pick<Ledger, 'contact'>;
  readonly flush: () => Promise<void>;
  readonly hashOf: (name: string, text: string) => string;
  readonly isSuspectPage: (length: number) => boolean;
  readonly stopped: AbortSignal;
  /** Other processes write the same ledger: they may take what was listed before. */
  readonly isShared: boolean;
}

/** Lists of so many contacts are remembered; one that comes again later is listed again. */
const REMEMBERED_CONTACTS = 10_000;

export function createAdopter(options: AdopterOptions): Adopter {
  const contacts = new Map<string, Contact>();
  const underWay = new Set<Promise<unknown>>();
  let listsWork = false;

  const contactOf = (contactId: string): Contact => {
    const remembered = contacts.get(contactId);
    if (remembered !== undefined) return remembered;
    const contact: Contact = { inventories: new Map(), taken: new Set(), rows: 0 };
    contacts.set(contactId, contact);
    for (const [oldest, { rows }] of contacts) {
      if (contacts.size <= REMEMBERED_CONTACTS) break;
      // Forgotten in the middle of a row, a memory could be handed out to another one too.
      if (rows === 0 && oldest !== contactId) contacts.delete(oldest);
    }
    return contact;
  };

  const list = async (draft: Draft): Promise<ListAnswer | null> => {
    const asked = options.looker.list(draft);
    underWay.add(asked);
    try {
      const answer = await asked;
      listsWork ||= answer?.kind === 'listed';
      return answer;
    } finally {
      underWay.delete(asked);
    }
  };

  /** A 404 means a missing contact only where lists can be had at all: else every note would be created again. */
  const isMissing = async (answer: ListAnswer): Promise<boolean> => {
    if (answer.status !== 404) return false;
    if (!listsWork) await Promise.allSettled(underWay);
    return listsWork;
  };

  const known = async (draft: Draft) => {
    await options.flush();
    return options.ledger.contact(draft.contactId, draft.subOrg);
  };

  const take = async (draft: Draft): Promise<Inventory> => {
    // What the list must show was there before it was asked for.
    const { newest } = await known(draft);
    const answer = await list(draft);
    if (answer === null) return { kind: 'stopped' };
    if (answer.kind !== 'listed') {
      // No such contact: the create will be told so.
      return (await isMissing(answer))
        ? { kind: 'listed', free: new Map(), length: 0, lacks: null }
        : { kind: 'unproven', why: answer.message };
    }
    const { memoryIds } = await known(draft);
    const free = new Map<string, ListedMemory[]>();
    let lacks = newest;
    for (const memory of answer.memories) {
      if (memory.id === newest) lacks = null;
      if (memoryIds.has(memory.id) || isDeleted(memory)) continue;
      const hash = options.hashOf(memory.name, memory.text);
      const same = free.get(hash);
      if (same === undefined) free.set(hash, [memory]);
      else same.push(memory);
    }
    return { kind: 'listed', free, length: answer.memories.length, lacks };
  };

  /** The next such memory that answers for no row yet. */
  const choose = async (contact: Contact, free: FreeMemories, draft: Draft): Promise<ListedMemory | null> => {
    const same = free.get(draft.sentHash);
    if (same === undefined || same.length === 0) return null;
    // A row of another sub organization may have made it while it was listed here; rows of the same one are sent after the list.
    const memoryIds = options.isShared || contact.inventories.size > 1 ? (await known(draft)).memoryIds : null;
    for (let memory = same.shift(); memory !== undefined; memory = same.shift()) {
      if (contact.taken.has(memory.id) || memoryIds?.has(memory.id) === true) continue;
      contact.taken.add(memory.id);
      return memory;
    }
    return null;
  };

  const findAt = async (contact: Contact, draft: Draft): Promise<Adoption> => {
    let asked = contact.inventories.get(draft.subOrg);
    if (asked === undefined) {
      asked = take(draft);
      contact.inventories.set(draft.subOrg, asked);
    }
    const inventory = await asked;
    if (inventory.kind !== 'listed') return inventory;
    const memory = await choose(contact, inventory.free, draft);
    if (memory !== null) return { kind: 'found', memory };
    const { lacks, length } = inventory;
    if (lacks !== null) return { kind: 'unproven', why: `the list doesn't show memory ${lacks}, which must be there` };
    if (!options.isSuspectPage(length)) return { kind: 'absent' };
    await options.looker.askForLongest();
    if (!options.isSuspectPage(length)) return { kind: 'absent' };
    if (options.stopped.aborted) return { kind: 'stopped' };
    return { kind: 'unproven', why: `the list has exactly ${length} memories, which may be one page of more` };
  };

  return {
    async find(draft) {
      const contact = contactOf(draft.contactId);
      contact.rows++;
      try {
        return await findAt(contact, draft);
      } finally {
        contact.rows--;
      }
    },
  };
}

/** Callers keeps what was deleted and may list it: it is there no more, though its create did take place. */
export function isDeleted({ status }: Pick<ListedMemory, 'status'>): boolean {
  return status !== null && status.toUpperCase() === 'DELETED';
}

interface Contact {
  /** By sub organization. */
  readonly inventories: Map<string | null, Promise<Inventory>>;
  /** Ids handed out: lists may show a contact's memories whatever the sub organization. */
  readonly taken: Set<string>;
  /** Being looked for just now. */
  rows: number;
}

/** By hash of name and text. */
type FreeMemories = Map<string, ListedMemory[]>;

type Inventory =
  /** `lacks`: the memory that the list should show and doesn't. */
  | { readonly kind: 'listed'; readonly free: FreeMemories; readonly length: number; readonly lacks: string | null }
  | { readonly kind: 'unproven'; readonly why: string }
  | { readonly kind: 'stopped' };
