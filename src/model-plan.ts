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
  /** `unknownContacts`: ids of the CRM that `--contacts` doesn't know. */
  readonly distinct: { readonly contacts: number; readonly subOrgs: number; readonly unknownContacts: number };
  /** In code points, as the API counts; of rows that are valid. */
  readonly longest: { readonly name: number; readonly text: number };
  /** How long creating would take at so many requests a second. */
  readonly expected: readonly { readonly requestsPerSecond: number; readonly seconds: number }[];
  readonly ledger: { readonly path: string; readonly exists: boolean };
  /** Inputs that are read by a profile, or could be. */
  readonly readAs: readonly ReadAs[];
  /** Why reading ended early, for instance at a quote that never closes; null if it didn't. */
  readonly stoppedBecause: string | null;
}

/** An input, and the profile of a CRM's export by which it is read; or by which it could be, where the usual names of its columns settle it. */
export interface ReadAs {
  readonly input: string;
  /** Its id. */
  readonly profile: string;
  readonly title: string;
  readonly how: 'found' | 'asked_for' | 'would_fit';
  readonly hints: readonly string[];
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
