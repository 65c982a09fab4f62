import { checkFreshLedger, type FreshLedgerCheck, SAMPLED_CONTACTS } from '../dispatch/fresh-ledger.js';
import { contentHash } from '../map/fingerprint.js';
import type { PreparedRow } from './rows.js';

/** Looks at some contacts of the input's beginning before the first row is let through. */
export async function* afterFreshLedgerCheck(
  batches: AsyncGenerator<readonly PreparedRow[]>,
  { looker, ledgerPath }: Pick<FreshLedgerCheck, 'looker' | 'ledgerPath'>,
): AsyncGenerator<readonly PreparedRow[]> {
  const beginning: (readonly PreparedRow[])[] = [];
  const contacts = new Set<string>();
  let count = 0;
  const check = async () => {
    const drafts = beginning.flat().flatMap((row) => (row.kind === 'mapped' ? [row.draft] : []));
    await checkFreshLedger({ drafts, looker, hashOf: contentHash, ledgerPath });
  };
  try {
    for (let next = await batches.next(); next.done !== true; next = await batches.next()) {
      beginning.push(next.value);
      count += next.value.length;
      for (const row of next.value) if (row.kind === 'mapped') contacts.add(row.draft.contactId);
      if (contacts.size >= SAMPLED_CONTACTS || count >= FRESH_LEDGER_ROWS) break;
    }
  } catch (error) {
    // The reader stopped early: what it gave before is checked and let through first.
    await check();
    yield* beginning;
    throw error;
  }
  await check();
  yield* beginning;
  yield* batches;
}

/** A contact with thousands of notes in a row doesn't make the beginning endless. */
const FRESH_LEDGER_ROWS = 2000;
