import { randomBytes } from 'node:crypto';

/** A memory as the sandbox holds it: `name` and `text` are what the server made of them (see `ListQuirks.mangle`). */
export interface StoredMemory {
  /** From 1, in the order of creation. */
  readonly sequence: number;
  readonly id: string;
  readonly contactId: string;
  /** As it was addressed; otherwise null. */
  readonly phoneNumber: string | null;
  readonly campaignId: string | null;
  readonly subOrg: string | null;
  readonly name: string;
  readonly text: string;
  readonly status: 'ACTUAL' | 'OUTDATED' | 'DELETED';
  /** ISO date-time of the server's clock. */
  readonly createdAt: string;
  /** When it was changed or deleted, ISO; otherwise null. */
  readonly updatedAt: string | null;
  /** From when on lists show it, in epoch milliseconds of the sandbox's own clock. */
  readonly visibleFrom: number;
}

/** `all` is line ends, NFC and trimmed. */
export type Mangle = 'trim' | 'nfc' | 'lf' | 'all';

export interface NewStoredMemory {
  readonly contactId: string;
  readonly phoneNumber?: string | null;
  readonly campaignId?: string | null;
  readonly subOrg: string | null;
  readonly name: string;
  readonly text: string;
  readonly createdAt: string;
  readonly visibleFrom: number;
}

export interface MemoryStore {
  add(memory: NewStoredMemory): StoredMemory;
  /** In creation order, deleted ones included. */
  of(contactId: string, subOrg: string | null): readonly StoredMemory[];
  /** undefined where there is none, or it is deleted already, or it belongs to another sub organization. */
  delete(memory: { id: string; subOrg: string | null; at: string }): StoredMemory | undefined;
  /** What somebody does to a memory by other means. undefined where there is none of that id. */
  change(id: string, change: MemoryChange): StoredMemory | undefined;
  /** In creation order, deleted ones included. */
  all(): readonly StoredMemory[];
  /** `duplicates = created - distinct`. Deleted memories count nowhere; preloaded ones do. */
  count(): { readonly created: number; readonly distinct: number; readonly duplicates: number };
}

export interface MemoryChange {
  readonly name?: string;
  readonly text?: string;
  readonly status?: StoredMemory['status'];
  readonly updatedAt: string;
}

/** Memories, in order, in memory. `resume` are those of an earlier store; new ones get ids that no other store gives. */
export function memoryStore(options: { mangle: Mangle | undefined; resume: readonly StoredMemory[] }): MemoryStore {
  const prefix = `mem_${randomBytes(4).toString('hex')}_`;
  const memories: StoredMemory[] = [];
  const byOwner = new Map<string, StoredMemory[]>();
  // Made at the first delete: most sandboxes never see one, and a big import would pay for it.
  let places: Map<string, number> | null = null;
  let counted: ReturnType<MemoryStore['count']> | null = null;

  function put(memory: StoredMemory): StoredMemory {
    const key = ownerKey(memory.contactId, memory.subOrg);
    const owned = byOwner.get(key);
    if (owned === undefined) byOwner.set(key, [memory]);
    else owned.push(memory);
    places?.set(memory.id, memories.length);
    memories.push(memory);
    counted = null;
    return memory;
  }

  const find = (id: string): { readonly place: number; readonly memory: StoredMemory } | undefined => {
    places ??= new Map(memories.map((memory, place) => [memory.id, place]));
    const place = places.get(id);
    const memory = place === undefined ? undefined : memories[place];
    return place === undefined || memory === undefined ? undefined : { place, memory };
  };

  function replace({ place, memory }: { readonly place: number; readonly memory: StoredMemory }, changed: StoredMemory): StoredMemory {
    memories[place] = changed;
    const owned = byOwner.get(ownerKey(memory.contactId, memory.subOrg)) ?? [];
    owned[owned.indexOf(memory)] = changed;
    counted = null;
    return changed;
  }

  for (const memory of options.resume) put({ ...memory, sequence: memories.length + 1 });

  return {
    add(memory) {
      const sequence = memories.length + 1;
      return put({
        sequence,
        id: prefix + sequence,
        contactId: memory.contactId,
        phoneNumber: memory.phoneNumber ?? null,
        campaignId: memory.campaignId ?? null,
        subOrg: memory.subOrg,
        name: mangled(memory.name, options.mangle),
        text: mangled(memory.text, options.mangle),
        status: 'ACTUAL',
        createdAt: memory.createdAt,
        updatedAt: null,
        visibleFrom: memory.visibleFrom,
      });
    },
    of: (contactId, subOrg) => byOwner.get(ownerKey(contactId, subOrg)) ?? [],
    delete({ id, subOrg, at }) {
      const found = find(id);
      if (found === undefined || found.memory.status === 'DELETED' || found.memory.subOrg !== subOrg) return undefined;
      return replace(found, { ...found.memory, status: 'DELETED', updatedAt: at });
    },
    change(id, change) {
      const found = find(id);
      return found === undefined ? undefined : replace(found, { ...found.memory, ...change });
    },
    all: () => memories.slice(),
    count: () => (counted ??= countAll(byOwner.values())),
  };
}

function ownerKey(contactId: string, subOrg: string | null): string {
  return subOrg === null ? contactId : `${contactId}\n${subOrg}`;
}

function mangled(value: string, mangle: Mangle | undefined): string {
  switch (mangle) {
    case undefined:
      return value;
    case 'trim':
      return value.trim();
    case 'nfc':
      return value.normalize('NFC');
    case 'lf':
      return value.replace(/\r\n?/g, '\n');
    case 'all':
      return value.replace(/\r\n?/g, '\n').normalize('NFC').trim();
  }
}

// Counted when asked, owner by owner: a set over all texts at once would hold every text of a big import a second time.
function countAll(owners: Iterable<readonly StoredMemory[]>): ReturnType<MemoryStore['count']> {
  let created = 0;
  let distinct = 0;
  for (const owned of owners) {
    const contents = new Set<string>();
    for (const { status, name, text } of owned) {
      if (status === 'DELETED') continue;
      created += 1;
      contents.add(`${name.length}:${name}${text}`);
    }
    distinct += contents.size;
  }
  return { created, distinct, duplicates: created - distinct };
}
