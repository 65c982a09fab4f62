import type { Draft, Fingerprint, ImportEvent, Outcome, Part, ReasonCode } from '../model.js';
import type { StageOptions } from '../run/stages.js';

// What coordinator and workers of a run tell one another: JSON in the ledger's database, gone when it has been taken.

/** What the workers of a run must know of it. The key is their own. */
export interface RunOptions extends Omit<StageOptions, 'baseUrl' | 'apiKey'> {
  readonly baseUrl: string;
  /** The paths of the run's inputs, which name its rows. */
  readonly inputs: readonly string[];
  /** Epoch milliseconds: when the run began. */
  readonly startedAt: number;
  readonly mayAllBeRefused: boolean;
  /** Keys of notes that earlier runs had left in doubt, and this one found before its first row. */
  readonly recovered: readonly number[];
}

/** A row as a worker gets it: what is sent, and where it comes from. Its place in the chunk is its name. */
export interface ChunkRow {
  readonly input: number;
  readonly row: number;
  readonly target: number;
  readonly bytes: number;
  readonly draft: Draft;
  readonly base: Fingerprint;
}

/** What became of a row of a chunk. */
export interface ToldRow {
  /** Its place in the chunk, from 0. */
  readonly place: number;
  readonly outcome: Outcome;
  /** The ledger's key of its note; null: it was never asked about it. */
  readonly key: number | null;
  /** Which of several identical notes it turned out to be; absent: as it was told. */
  readonly identity?: { readonly fingerprint: Fingerprint; readonly occurrence: number; readonly parts?: readonly PartIdentity[] };
}

export interface PartIdentity {
  readonly fingerprint: Fingerprint;
  readonly base: Part['base'];
}

/** What a worker has to tell at one time. */
export interface Told {
  readonly chunk: { readonly partition: number; readonly sequence: number } | null;
  readonly rows: readonly ToldRow[];
  readonly events: readonly ToldEvent[];
}

/** What happens at the API, as it is told in a run of one process. */
export type ToldEvent = Extract<
  ImportEvent,
  { readonly type: 'request' | 'retry' | 'rate_limited' | 'looked' | 'surplus' | 'warning' | 'paused' | 'resumed' | 'under_way' }
>;

export interface Stop {
  readonly reasonCode: ReasonCode;
  readonly message: string;
  readonly continues: boolean;
}
