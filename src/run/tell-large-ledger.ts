import { statSync } from 'node:fs';
import { isPostgres } from '../ledger-address.js';
import type { ImportEvent } from '../model.js';

/** Opening a smaller one is over before somebody has read that it is opened. */
const LARGE_BYTES = 64 * 1024 * 1024;

/** While the ledger is opened nothing else happens: said before, where it takes a moment. */
export function tellLargeLedger(path: string, emit: (event: ImportEvent) => void = () => {}): void {
  if (isPostgres(path)) return;
  const bytes = sizeOf(path);
  if (bytes >= LARGE_BYTES) emit({ type: 'opening_ledger', path, bytes });
}

/** What can't be looked at is said where it is opened. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
