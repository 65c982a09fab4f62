// What is said of an import before it begins.
import type { Counts, FailureClass } from './model.js';

/** What an import would do, as far as it can be known without asking the API. */
export interface Plan {
  readonly inputs: readonly string[];
  readonly counts: Pick<Counts, 'rows' | 'alreadyImported' | 'changed' | 'duplicate' | 'filtered' | 'failed' | 'failures'> & {
    readonly toCreate: number;
    /** Notes that an earlier run left in doubt: looked for before anything else, and created if they aren't there. */
    readonly toLookFor: number;
  };
  /** What `toCreate` comes to: a note that is too long for one memory becomes several (`--too-long split`). */
  readonly memories: number;
  /** Rows that `--since` can tell nothing of: they are taken. */
  readonly undated: number;
  /** For each class of failure the first few rows. */
  readonly examples: readonly { readonly class: FailureClass; readonly row: string; readonly line: number; readonly message: string }[];
  readonly distinct: { readonly contacts: number; readonly subOrgs: number };
  /** In code points, as the API counts; of rows that are valid. */
  readonly longest: { readonly name: number; readonly text: number };
  /** How long creating would take at so many requests a second. */
  readonly expected: readonly { readonly requestsPerSecond: number; readonly seconds: number }[];
  readonly ledger: { readonly path: string; readonly exists: boolean };
  /** Why reading ended early, for instance at a quote that never closes; null if it didn't. */
  readonly stoppedBecause: string | null;
}

/** An import that somebody should have seen before anything is sent: more than 1,000 rows, or so many as nobody knows. */
export interface LargeImport {
  readonly baseUrl: string;
  readonly inputs: readonly string[];
  /** Rows to send, without those that the ledger knows as imported; null: unknown (standard input, a pipe). */
  readonly rows: Estimate | null;
  /** How many of the first rows were looked at. */
  readonly seen: number;
  /** Sub organizations of these rows; null: none. */
  readonly subOrgs: readonly (string | null)[];
}

/** A number that was counted, or told from the sizes of the inputs. */
export interface Estimate {
  readonly count: number;
  readonly precision: 'exact' | 'about' | 'at_least';
}
