import { createHash } from 'node:crypto';
import type { CreatedNote, CreatedPosition, Ledger } from '../ledger/ledger.js';
import type { RunId } from '../model.js';

/** What a run created for one contact and sub organization: at least one note. */
export type ContactGroup = readonly CreatedNote[];

const PAGE = 1000;

/** Every group, each read when the next is pulled: no more than a page and one group are held. */
export async function* contactGroups(ledger: Pick<Ledger, 'createdNotes'>, runId: RunId): AsyncGenerator<ContactGroup> {
  let group: CreatedNote[] = [];
  for (let after: CreatedPosition | null = null; ; ) {
    const page: readonly CreatedNote[] = await ledger.createdNotes(runId, { order: 'contact', after, limit: PAGE });
    after = page.at(-1) ?? null;
    if (after === null) break;
    for (const note of page) {
      const [first] = group;
      if (first !== undefined && (first.contactId !== note.contactId || first.subOrg !== note.subOrg)) {
        yield group;
        group = [];
      }
      group.push(note);
    }
  }
  if (group.length > 0) yield group;
}

/** So many groups, chosen at random: the same ones for the same seed, in whatever order they come. */
export interface Sample {
  readonly includes: (group: ContactGroup) => boolean;
  /** Groups in it, and groups that it was drawn from. */
  readonly contacts: number;
  readonly ofContacts: number;
  /** Notes in it. */
  readonly notes: number;
}

/** Each group draws a number; those with the lowest are in. Only so many numbers are held as groups are wanted. */
export async function drawSample(groups: AsyncIterable<ContactGroup>, { size, seed }: { readonly size: number; readonly seed: number }) {
  let lowest: { readonly number: number; readonly notes: number }[] = [];
  let ofContacts = 0;
  const keepLowest = (): void => {
    lowest = lowest.sort((a, b) => a.number - b.number).slice(0, size);
  };
  for await (const group of groups) {
    ofContacts++;
    lowest.push({ number: drawn(group, seed), notes: group.length });
    if (lowest.length >= 2 * size + 1000) keepLowest();
  }
  keepLowest();
  const bound = lowest.at(-1)?.number ?? -1;
  const notes = lowest.reduce((sum, one) => sum + one.notes, 0);
  return { includes: (group: ContactGroup) => drawn(group, seed) <= bound, contacts: lowest.length, ofContacts, notes } satisfies Sample;
}

/** 48 bits: that two groups draw the same is no matter. */
function drawn([first]: ContactGroup, seed: number): number {
  return createHash('sha256')
    .update(JSON.stringify([seed, first?.contactId, first?.subOrg]))
    .digest()
    .readUIntBE(0, 6);
}
