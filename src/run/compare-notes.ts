import { compareContact, type Presence } from '../callers/compare.js';
import { isDeleted } from '../dispatch/adopt.js';
import type { Ledger } from '../ledger/ledger.js';
import { contentHash } from '../map/fingerprint.js';
import type { Connection } from './connection.js';
import type { ContactGroup } from './contact-groups.js';

/** For each note what the list shows of it, or why it can't be compared; null where the command was stopped first. */
export async function compareNotes(
  notes: ContactGroup,
  { connection, ledger }: Comparing,
): Promise<{ readonly presences: readonly (Presence | string)[] } | null> {
  const { persistence, pages, halt } = connection;
  const [address] = notes;
  if (address === undefined) return { presences: [] };
  const list = await persistence.list(address);
  if (list === null) return null;
  if (list.kind === 'failed') return { presences: notes.map(() => list.message) };
  // Without its contact a memory isn't there either; the delete of each is asked all the same.
  const memories = list.kind === 'gone' ? [] : list.memories;
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
  if (!pages.isSuspect(memories.length) || presences.every(({ kind }) => kind !== 'unproven')) return { presences };
  await persistence.askForLongest();
  return halt.signal.aborted ? null : { presences: await compare() };
}

export interface Comparing {
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt'>;
  readonly ledger: Pick<Ledger, 'contact'>;
}
