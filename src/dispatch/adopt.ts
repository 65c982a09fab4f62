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
  readonly looker: Looker;
  readonly ledger: Pick<Ledger, 'contact'>;
  readonly flush: () => Promise<void>;
  readonly hashOf: (name: string, text: string) => string;
  readonly isSuspectPage: (length: number) => boolean;
}

/** Lists of so many contacts are remembered; one that comes again later is listed again. */
const REMEMBERED_CONTACTS = 10_000;

export function createAdopter(options: AdopterOptions): Adopter {
  const contacts = new Map<string, Promise<Inventory>>();
  const underWay = new Set<Promise<unknown>>();
  let listsWork = false;

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

  const take = async (draft: Draft): Promise<Inventory> => {
    await options.flush();
    const answer = await list(draft);
    if (answer === null) return { kind: 'stopped' };
    if (answer.kind !== 'listed') {
      // No such contact: the create will be told so.
      return (await isMissing(answer)) ? { kind: 'listed', free: new Map() } : { kind: 'unproven', why: answer.message };
    }
    const known = await options.ledger.contact(draft.contactId, draft.subOrg);
    const free = new Map<string, ListedMemory[]>();
    for (const memory of answer.memories) {
      if (known.memoryIds.has(memory.id)) continue;
      const hash = options.hashOf(memory.name, memory.text);
      const same = free.get(hash);
      if (same === undefined) free.set(hash, [memory]);
      else same.push(memory);
    }
    const mayBePage = options.isSuspectPage(answer.memories.length);
    return mayBePage ? { kind: 'page', free, length: answer.memories.length } : { kind: 'listed', free };
  };

  return {
    async find(draft) {
      const address = JSON.stringify([draft.contactId, draft.subOrg]);
      let inventory = contacts.get(address);
      if (inventory === undefined) {
        inventory = take(draft);
        contacts.set(address, inventory);
        const oldest = contacts.keys().next();
        if (contacts.size > REMEMBERED_CONTACTS && oldest.done === false) contacts.delete(oldest.value);
      }
      const taken = await inventory;
      if (taken.kind === 'stopped' || taken.kind === 'unproven') return taken;
      const memory = taken.free.get(draft.sentHash)?.shift();
      if (memory !== undefined) return { kind: 'found', memory };
      if (taken.kind === 'page')
        return { kind: 'unproven', why: `the list has exactly ${taken.length} memories, which may be one page of more` };
      return { kind: 'absent' };
    },
  };
}

type Inventory =
  | { readonly kind: 'listed'; readonly free: Map<string, ListedMemory[]> }
  | { readonly kind: 'page'; readonly free: Map<string, ListedMemory[]>; readonly length: number }
  | { readonly kind: 'unproven'; readonly why: string }
  | { readonly kind: 'stopped' };
