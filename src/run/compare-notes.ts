import type { ListedMemory } from '../callers/api.js';
import { compareContact, type Presence } from '../callers/compare.js';
import { isDeleted } from '../dispatch/adopt.js';
import type { Ledger } from '../ledger/ledger.js';
import { contentHash } from '../map/fingerprint.js';
import type { Connection } from './connection.js';
import type { ContactGroup } from './contact-groups.js';

/** For each note what the list shows of it, or why it can't be compared; null where the command was stopped first. */
export async function compareNotes(notes: ContactGroup, { connection, ledger }: Comparing): Promise<readonly (Presence | string)[] | null> {
  const [address] = notes;
  if (address === undefined) return [];
  const list = await connection.persistence.list(address);
  if (list === null) return null;
  if (list.kind === 'failed') return notes.map(() => list.message);
  // Without its contact a memory isn't there either; the delete of each is asked all the same.
  return compareWithList(notes, list.kind === 'gone' ? [] : list.memories, { connection, ledger });
}

/** For each of a contact's notes what its list says; null where the command was stopped first. */
export async function compareWithList(
  notes: ContactGroup,
  memories: readonly ListedMemory[],
  { connection, ledger }: Comparing,
): Promise<readonly Presence[] | null> {
  const { persistence, pages, halt } = connection;
  const [address] = notes;
  if (address === undefined) return [];
  const compare = () =>
    compareContact({
      notes,
      memories,
      known: () => ledger.contact(address.contactId, address.subOrg),
      mayBePage: pages.isSuspect(memories.length),
      hashOf: contentHash,
      isDeleted,
    });
  const presences = await compare();
  if (!pages.isSuspect(memories.length) || presences.every(({ kind }) => kind !== 'unproven')) return presences;
  await persistence.askForLongest();
  return halt.signal.aborted ? null : compare();
}

export interface Comparing {
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt'>;
  readonly ledger: Pick<Ledger, 'contact'>;
}
