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
  /** What the damage check found in all rows. */
  readonly findings: readonly Finding[];
  /** Names of findings in the first rows that keep an import from starting. */
  readonly refusedFor: readonly FindingName[];
  /** For a person: what of the inputs isn't read. */
  readonly warnings: readonly string[];
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
  readonly precision: 'exact' | 'about';
}

/** What the damage check looks for. The names are a contract: plan, messages, `--accept`. */
export const FINDING_NAMES = [
  'scientific-ids',
  'lost-leading-zeros',
  'salesforce-case',
  'replacement-characters',
  'mojibake',
  'swallowed-rows',
  'footer',
  'second-header',
  'sep-line',
  'nbsp-ids',
] as const;
export type FindingName = (typeof FINDING_NAMES)[number];

/** Those that would send something else than the CRM had. The others are told. */
export const CORRUPTING: ReadonlySet<FindingName> = new Set<FindingName>([
  'scientific-ids',
  'lost-leading-zeros',
  'salesforce-case',
  'replacement-characters',
  'mojibake',
]);

/** Something of a row that a spreadsheet or a wrong encoding did. */
export interface RowDamage {
  readonly finding: FindingName;
  /** As the file calls it. */
  readonly column: string;
  /** Position in the cell, from 1, in code points; 0: it is of the whole cell. */
  readonly measure: number;
  /** What was found; never the note's text. */
  readonly message: string;
}

/** What the damage check found, once for each kind and column of an input. */
export interface Finding {
  readonly finding: FindingName;
  /** It would send something else than the CRM had: it keeps an import from starting, unless it is accepted. */
  readonly corrupting: boolean;
  readonly accepted: boolean;
  /** The first row's label; null: it isn't of a row. */
  readonly row: string | null;
  /** Where that row starts in its file, from 1. */
  readonly line: number;
  /** null: it is of the whole row. */
  readonly column: string | null;
  /** Rows of which it is known; a row may have several findings. */
  readonly count: number;
  readonly message: string;
}
