// The words that every stage shares. Nothing here knows how a stage does its job.

/** Nominal typing for ids that could be swapped by mistake. */
type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** SHA-256 in lower-case hex: the identity of a note. See `map/fingerprint.ts`. */
export type Fingerprint = Brand<string, 'Fingerprint'>;

/** The ledger's own key of a note: a small integer that grows by one for each note it has seen. */
export type NoteKey = Brand<number, 'NoteKey'>;

/** Sorts by time: `20261123T030749Z-4f9a`. */
export type RunId = Brand<string, 'RunId'>;

/** What happened to a row that is not in the API. The names are a contract: failures file, summary, logs. */
export const FAILURE_CLASSES = [
  'malformed',
  'invalid',
  'bad_request',
  'not_found',
  'forbidden',
  'rejected',
  'rate_limited',
  'server_error',
  'network',
  'in_doubt',
  'held',
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** The file that a row comes from, once its header has been read. */
export interface SourceInput {
  /** Position among the inputs of the command, from 0. */
  readonly index: number;
  /** As given on the command line; `-` is standard input. */
  readonly path: string;
  /** Header cells as they stand in the file (the BOM aside). For a failures file: its own `_` columns taken out, guards undone. */
  readonly header: readonly string[];
  readonly delimiter: string;
  /** The encoding's WHATWG name, such as `utf-8`. */
  readonly encoding: string;
  /** True if this is a `failures.csv` of an earlier run. */
  readonly isFailuresFile: boolean;
}

interface SourcePosition {
  readonly input: SourceInput;
  /** The record's number in its input: 1 is the first after the header. */
  readonly row: number;
  /** The line in the file where the record starts, from 1. */
  readonly line: number;
}

/** One record that could be read. */
export interface SourceRecord extends SourcePosition {
  readonly kind: 'record';
  /** One cell for each header cell, byte for byte what the file has (a failures file's guards undone). */
  readonly cells: readonly string[];
  /** Bytes of the record in the file, decoded to UTF-8: what it holds in memory, roughly. */
  readonly bytes: number;
  /** True: every character of it is ASCII. Absent: not known. */
  readonly isAscii?: boolean;
  /** A failures file's `_occurrence`: which of several identical notes this is, from 1. */
  readonly occurrence: number | null;
  /** Which of the contacts that the record names this row is for, from 0. Its contact cell then names only that one. */
  readonly target: number;
}

/** One record that can't be read. Its neighbours can. */
export interface MalformedRecord extends SourcePosition {
  readonly kind: 'malformed';
  /** What was expected and what was found; never the note's text. */
  readonly message: string;
  /** Where it isn't a record that can't be read, but one that is no row. */
  readonly finding?: 'footer' | 'second-header' | 'swallowed-rows';
  /** The column in which that was found, as the file calls it; absent: it is of the whole record. */
  readonly column?: string;
  /** The record as it stands in the file, in the file's own encoding, its line end included. */
  readonly raw: Uint8Array;
}

export type SourceRow = SourceRecord | MalformedRecord;

/** A note, checked against the API's limits and ready to be sent (the DTO), with what identifies it. */
export interface Draft {
  readonly contactId: string;
  /** null: the header `x-sub-organization-id` isn't sent. */
  readonly subOrg: string | null;
  readonly name: string;
  readonly text: string;
  /** What identifies the note. See `map/fingerprint.ts`. */
  readonly fingerprint: Fingerprint;
  /** Hash of what is sent, canonical, to recognise the memory in a list. See `contentHash` in `map/fingerprint.ts`. */
  readonly sentHash: string;
  /** With `--id-column`: hash of name and text as the input has them, to tell a changed note. Otherwise null. */
  readonly inputHash: string | null;
  /** Which of several identical notes this is, from 1; more than 1 only with `--duplicates create`. */
  readonly occurrence: number;
  /**
   * Where one memory can't hold it (`--too-long split`): the memories that are created instead, in order, two at least. The last one's
   * fingerprint is the note's own, so that the ledger knows the note as imported if, and only if, all are there; `sentHash` is the last one's too.
   */
  readonly parts?: readonly Part[];
}

/** One of the memories that a long note becomes. `base` is its identity without its occurrence, as of a whole note. */
export interface Part {
  readonly draft: Draft;
  readonly base: Fingerprint;
}

/** A row on its way through the stages. */
export interface MappedRow {
  readonly source: SourceRecord;
  readonly draft: Draft;
}

/** What a 201 says of its memory. */
export interface CreatedMemory {
  readonly id: string;
  readonly createdAt: string | null;
  /** Whose it is: where it was addressed by phone number there is no other way to learn that. */
  readonly contactId?: string | null;
}

/** The rule that a row breaks whose contact the list of contacts (`--contacts`) doesn't know; its failure's details have the id as `value`. */
export const UNKNOWN_CONTACT = 'unknown_contact';

/** What one answer, or the lack of one, says of the memory that was asked for. `callers/classify.ts` decides. */
export type Verdict =
  /** 201. `memory` is null where the body couldn't be read: its id is learnt by looking. */
  | { readonly kind: 'created'; readonly memory: CreatedMemory | null }
  /** A definite no: the memory wasn't created, and a repeat won't change it. */
  | {
      readonly kind: 'refused';
      readonly class: 'bad_request' | 'not_found' | 'forbidden' | 'rejected';
      readonly status: number;
      readonly message: string;
      readonly details: unknown;
      /** False where the answer isn't the API's own (a proxy's page, a redirect): a sign of a wrong address. */
      readonly fromApi: boolean;
    }
  /** 401: the key is refused. Not a row's failure. */
  | { readonly kind: 'unauthorized'; readonly message: string }
  /** 429, or a 503 with Retry-After: not created, the API asks for patience. */
  | { readonly kind: 'rate_limited'; readonly status: number; readonly retryAfterMs: number | null; readonly message: string }
  /** The request never left: not created, may be repeated. */
  | { readonly kind: 'not_sent'; readonly code: string; readonly message: string }
  /** It may have been created: look before sending again. `class` is what the row is called if it turns out not to be there. */
  | {
      readonly kind: 'doubt';
      readonly class: 'server_error' | 'network';
      readonly status: number | null;
      readonly message: string;
    };

/** The ids of a note's parts, in order, joined by a space; `-` is one that couldn't be learnt. null: none could. */
export function joinIds(ids: readonly (string | null)[]): string | null {
  return ids.every((id) => id === null) ? null : ids.map((id) => id ?? '-').join(' ');
}

/** What became of a row in this run. */
export type Outcome =
  /** `memoryId`, here and below: of a note in several parts see `joinIds`. */
  | { readonly kind: 'created'; readonly memoryId: string | null; readonly createdAt: string | null; readonly attempts: number }
  /** Found by looking, after an answer was lost. */
  | { readonly kind: 'recovered'; readonly memoryId: string | null; readonly createdAt: string | null; readonly attempts: number }
  /** The ledger knew it, or `--adopt` found it. `changed`: with `--id-column`, its content isn't what was sent then. */
  | {
      readonly kind: 'already_imported';
      readonly memoryId: string | null;
      readonly createdAt: string | null;
      readonly changed: boolean;
    }
  /** The same note as an earlier row of this run's input. `firstRow` is its label. */
  | { readonly kind: 'duplicate'; readonly firstRow: string; readonly memoryId: string | null; readonly createdAt: string | null }
  /** Left out by `--filter`. */
  | { readonly kind: 'filtered' }
  | RowFailure;

export interface RowFailure {
  readonly kind: 'failed';
  readonly class: FailureClass;
  /** HTTP status, where there was an answer. */
  readonly status: number | null;
  /** For a person. May hold what the API echoed of the note: only failures.csv has it whole. */
  readonly message: string;
  /** The API's `data`, or what else helps. Goes to failures.csv only. */
  readonly details: unknown;
  /** Create requests that left for this row in this run: one that was refused its connection is none. */
  readonly attempts: number;
}

/** A row with what became of it: what the reports are made of. */
export interface SettledRow {
  readonly source: SourceRow;
  /** null where the row is malformed or invalid. */
  readonly draft: Draft | null;
  readonly outcome: Outcome;
  /** Its memory was deleted since, by `undo`. Only where the reports of an earlier run are written again. */
  readonly undone?: boolean;
  /** Of a note in several parts of which undo has deleted some: those that are still there. `memoryId` null: never learnt. */
  readonly partsLeft?: readonly { readonly fingerprint: Fingerprint; readonly memoryId: string | null }[];
}

export type ReasonCode =
  | 'key_refused'
  | 'outage'
  | 'rate_limited'
  | 'wrong_place'
  | 'too_many_failures'
  | 'unclosed_quote'
  | 'input_changed'
  | 'ledger'
  | 'report_files'
  | 'wrong_target'
  | 'max_duration'
  | 'signal';

/** Notes whose answer was lost; contacts listed before something is created (`--adopt`, an empty ledger); surplus copies, at the end. */
export type LookingFor = 'lost_answers' | 'contact_lists' | 'surplus';

/** Everything that happens in a run. How it looks is the business of `report/`. */
export type ImportEvent =
  /** Before the run: a large ledger takes a moment to open, in which nothing else happens. */
  | { readonly type: 'opening_ledger'; readonly path: string; readonly bytes: number }
  /** Before the run, every few seconds while a long list of contacts (`--contacts`) is read: so many are known. Bytes as stored; null: not known. */
  | {
      readonly type: 'reading_contacts';
      readonly path: string;
      readonly contacts: number;
      readonly bytes: number;
      readonly totalBytes: number | null;
    }
  | {
      readonly type: 'run_started';
      readonly runId: RunId;
      readonly baseUrl: string;
      readonly inputs: readonly string[];
      readonly totalBytes: number | null;
      /** `--limit`; absent or null: every row. */
      readonly limit?: number | null;
    }
  | { readonly type: 'input_opened'; readonly input: SourceInput }
  /** `bytes` of the inputs as stored (compressed, if they are) were read so far, over all inputs, and `rows` stood in them. */
  | { readonly type: 'bytes_read'; readonly bytes: number; readonly rows: number }
  /** Durable in the ledger, in the order of settling. */
  | { readonly type: 'rows_settled'; readonly rows: readonly SettledRow[] }
  /** One HTTP exchange ended. `status` is null where there was no answer; `sent` is false where certainly no byte of the create left. */
  | {
      readonly type: 'request';
      readonly verb: 'create' | 'list' | 'delete';
      readonly status: number | null;
      readonly sent: boolean;
      readonly durationMs: number;
    }
  | { readonly type: 'under_way'; readonly requests: number }
  | { readonly type: 'retry'; readonly row: string; readonly attempt: number; readonly delayMs: number; readonly message: string }
  | { readonly type: 'rate_limited'; readonly waitMs: number; readonly ratePerSecond: number | null }
  /** The whole run waits: `why` is a sentence for a person. `cause`: an outage (also where it isn't given), what earlier runs left in doubt, or that no worker is there. */
  | { readonly type: 'paused'; readonly why: string; readonly cause?: 'outage' | 'old_doubts' | 'no_worker' }
  | { readonly type: 'resumed'; readonly afterMs: number }
  /** So many notes or contacts are looked for at this moment, beside what is sent; 0: none any more. */
  | { readonly type: 'looking'; readonly why: LookingFor; readonly count: number }
  /** A contact's list was asked for a note. `row` is its label; null: an earlier run left it open. `found`: null where the list proves nothing. */
  | { readonly type: 'looked'; readonly row: string | null; readonly found: boolean | null }
  /** What earlier runs left in doubt, before the first row of this one. */
  | { readonly type: 'doubts_settled'; readonly recovered: number; readonly absent: number; readonly open: number }
  /** More memories than rows: told, never deleted. */
  | { readonly type: 'surplus'; readonly contactId: string; readonly memoryIds: readonly string[] }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'stopping'; readonly reasonCode: ReasonCode; readonly reason: string }
  | { readonly type: 'run_finished'; readonly summary: RunSummary };

export type Emit = (event: ImportEvent) => void;

/** `summary.json`, and what `--json` prints. The names are a contract: scripts read them. */
export interface RunSummary {
  readonly runId: RunId;
  readonly status: 'completed' | 'completed_with_failures' | 'stopped' | 'interrupted';
  readonly reasonCode: ReasonCode | null;
  readonly reason: string | null;
  /** True if the same command goes on from here; false if something must be mended first. */
  readonly continues: boolean;
  readonly inputs: readonly string[];
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly durationMs: number;
  readonly counts: Counts;
  readonly requests: {
    readonly sent: number;
    readonly retried: number;
    readonly rateLimited: number;
    readonly reconciled: number;
    readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  };
  readonly rowsPerSecond: number;
  readonly files: RunFiles;
  /** Memories that a late create left beside the one that counts; empty in almost every run. */
  readonly surplus: readonly { readonly contactId: string; readonly memoryIds: readonly string[] }[];
}

export interface RunFiles {
  readonly success?: string;
  readonly failures?: string;
  readonly malformed?: string;
  /** Ids of the CRM that `--contacts` doesn't know. */
  readonly unknownContacts?: string;
  readonly summary?: string;
  readonly report?: string;
}

export interface Counts {
  /** `rows = created + recovered + alreadyImported + duplicate + filtered + failed`, always. */
  readonly rows: number;
  readonly created: number;
  readonly recovered: number;
  readonly alreadyImported: number;
  readonly duplicate: number;
  readonly filtered: number;
  /** Part of `alreadyImported`. */
  readonly changed: number;
  readonly failed: number;
  readonly failures: Readonly<Record<FailureCountName, number>>;
}

export type FailureCountName =
  | 'malformed'
  | 'invalid'
  | 'badRequest'
  | 'notFound'
  | 'forbidden'
  | 'rejected'
  | 'rateLimited'
  | 'serverError'
  | 'network'
  | 'inDoubt'
  | 'held';

export const FAILURE_COUNT_NAMES: Readonly<Record<FailureClass, FailureCountName>> = {
  malformed: 'malformed',
  invalid: 'invalid',
  bad_request: 'badRequest',
  not_found: 'notFound',
  forbidden: 'forbidden',
  rejected: 'rejected',
  rate_limited: 'rateLimited',
  server_error: 'serverError',
  network: 'network',
  in_doubt: 'inDoubt',
  held: 'held',
};

/** How a row is named to people: its number, with its file where the run has several inputs. */
export function rowLabel(source: Pick<SourceRow, 'input' | 'row'>, inputCount: number): string {
  return inputCount > 1 ? `${source.input.path}:${source.row}` : String(source.row);
}

/** Closes a `switch` over a union: the compiler says so when a case is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}

/** Time and chance, passed in so that tests need no fake modules. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after `ms`, or at once when `signal` aborts (without throwing). */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}
