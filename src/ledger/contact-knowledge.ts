import type { ContactKnowledge } from './ledger.js';
import { timeOf } from './rows.js';

/**
 * What the notes of one contact tell of its list, in whichever store they lie.
 * @param rows of every sub organization, those with a memory's id or in state `created`
 */
export function contactKnowledge(rows: Iterable<Record<string, unknown>>, subOrg: string | null): ContactKnowledge {
  const memoryIds = new Set<string>();
  const unidentified: string[] = [];
  let newest: { readonly id: string; readonly at: number; readonly key: number } | null = null;
  for (const row of rows) {
    if (row.memory_id === null) {
      if (row.sub_org === subOrg) unidentified.push(Buffer.from(row.sent_hash as Uint8Array).toString('hex'));
      continue;
    }
    const id = String(row.memory_id);
    memoryIds.add(id);
    if (row.state !== 'created' || row.sub_org !== subOrg) continue;
    // When the server made the memory, as it says; where it doesn't, when we learnt of it.
    const at = timeOf(row.created_at) ?? Number(row.settled_at);
    const key = Number(row.note_key);
    // At the same moment the later note counts: a contact's notes are made in the order of their keys.
    if (newest === null || at > newest.at || (at === newest.at && key > newest.key)) newest = { id, at, key };
  }
  return { memoryIds, newest: newest?.id ?? null, unidentified };
}
