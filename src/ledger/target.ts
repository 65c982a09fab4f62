import { createHash, randomBytes } from 'node:crypto';
import { UserError } from '../errors.js';

/** Which account a ledger speaks of: a staging run must never make production look imported. */
export interface Target {
  readonly baseUrl: string;
  readonly apiKey: string;
}

/** The account that a reader is about to speak of. */
export interface ReadTarget {
  readonly baseUrl: string;
  /** null: not known, so only the address is compared. */
  readonly apiKey: string | null;
  readonly sameAccount: boolean;
}

export interface StoredTarget {
  readonly baseUrl: string;
  readonly salt: string;
  readonly keyHash: string;
}

/** What the ledger keeps: never the key itself. */
export function storedTarget(target: Target, salt = randomBytes(16).toString('hex')): StoredTarget {
  return { baseUrl: target.baseUrl, salt, keyHash: createHash('sha256').update(salt).update('\0').update(target.apiKey).digest('hex') };
}

/** @throws UserError where the ledger speaks of another account; a key that isn't given isn't compared */
export function checkTarget(stored: StoredTarget, target: Pick<ReadTarget, 'baseUrl' | 'apiKey'>, path: string): void {
  const { baseUrl, apiKey } = target;
  const now = storedTarget({ baseUrl, apiKey: apiKey ?? '' }, stored.salt);
  const sameUrl = stored.baseUrl === now.baseUrl;
  const sameKey = apiKey === null || stored.keyHash === now.keyHash;
  if (sameUrl && sameKey) return;
  const difference = sameUrl
    ? 'was filled with another API key'
    : `was filled for ${stored.baseUrl}, and this import is for ${now.baseUrl}${sameKey ? '' : ' with another API key'}`;
  throw new UserError(
    `The ledger ${path} ${difference}. Notes imported there would wrongly count as imported here. ` +
      'Use another ledger (--ledger), or --same-account if only the key or the address of the same account has changed.',
  );
}
