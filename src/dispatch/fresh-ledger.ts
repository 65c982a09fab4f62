import { StoppedError } from '../errors.js';
import type { Draft } from '../model.js';
import { isDeleted } from './adopt.js';
import type { Looker } from './look.js';

/** So many contacts of the input are listed before the first create into an empty ledger. */
export const SAMPLED_CONTACTS = 20;

export interface FreshLedgerCheck {
  /** Rows from the beginning of the input. */
  readonly drafts: readonly Draft[];
  readonly looker: Pick<Looker, 'list'>;
  readonly hashOf: (name: string, text: string) => string;
  readonly ledgerPath: string;
}

/**
 * An empty ledger is a warning sign: cron in the wrong folder, a pod without its volume. Lists some contacts of the input; where a list
 * can't be had, the check ends and the import goes on.
 * @throws StoppedError if one of their notes is there already
 */
export async function checkFreshLedger({ drafts, looker, hashOf, ledgerPath }: FreshLedgerCheck): Promise<void> {
  const contacts = new Map<string, Draft[]>();
  for (const draft of drafts) {
    const address = JSON.stringify([draft.contactId, draft.subOrg]);
    const notes = contacts.get(address);
    if (notes !== undefined) notes.push(draft);
    else if (contacts.size < SAMPLED_CONTACTS) contacts.set(address, [draft]);
  }
  /** False where no list could be had. */
  const isListed = async (notes: readonly Draft[]): Promise<boolean> => {
    const answer = await looker.list(notes[0]!);
    if (answer === null) return false;
    if (answer.kind !== 'listed') return answer.status === 404; // a missing contact says nothing about the others
    const there = new Set(answer.memories.filter((memory) => !isDeleted(memory)).map(({ name, text }) => hashOf(name, text)));
    if (notes.some((note) => there.has(note.sentHash))) throw alreadyThere(notes[0]!.contactId, ledgerPath);
    return true;
  };
  const [first, ...others] = contacts.values();
  // One first: where lists can't be had, twenty failures at once would look like an outage.
  if (first !== undefined && (await isListed(first))) await Promise.all(others.map(isListed));
}

function alreadyThere(contactId: string, ledgerPath: string): StoppedError {
  return new StoppedError(
    'ledger',
    `The ledger ${ledgerPath} is empty, but contact ${contactId} already has notes of this input. Nothing was sent. ` +
      'If the ledger is elsewhere, name it (--ledger). If it is lost, or the notes came by other means, import with --adopt: it counts what is there as imported.',
    false,
  );
}
