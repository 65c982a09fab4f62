import { FAILURE_CLASSES, type FailureClass, type ImportEvent, type RunSummary } from '../model.js';
import { countMissingContacts, type MissingContacts } from './missing-contacts.js';
import type { Reason } from './reasons.js';
import type { Tally } from './summary.js';
import { createTimeline, type TimelineRecord } from './timeline.js';

/** What report.html shows of a run beside its summary; the ledger keeps it, so that the page can be written again. A few dozen kilobytes at most. */
export interface PageFacts {
  readonly format: typeof FORMAT;
  /** Of the program that ran. */
  readonly version: string;
  readonly timeline: TimelineRecord;
  readonly reasons: Readonly<Partial<Record<FailureClass, readonly Reason[]>>>;
  readonly missing: MissingContacts;
  /** Of the run, as a person would write them. Never the key, nor what may be a note's name or text. */
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly repeat: Repeat | null;
  /** Names of further files in the run's folder: `failures-2.csv` … */
  readonly moreFiles: readonly string[];
}

/** How the command is given again, ready for a shell. */
export interface Repeat {
  /** Word for word. */
  readonly command: string;
  /** Only the options that a command for other inputs has to repeat. */
  readonly options: string;
}

const FORMAT = 1;
const REASONS = 5;

/** Gathers them from the run's events. */
export interface PageGatherer {
  consume(event: ImportEvent): void;
  facts(own: Pick<PageFacts, 'version' | 'options' | 'repeat' | 'moreFiles'>): PageFacts;
}

export function gatherPageFacts(run: {
  readonly now: () => number;
  readonly startedAt: number;
  readonly tally: Pick<Tally, 'topReasons'>;
}): PageGatherer {
  const timeline = createTimeline(run);
  const missing = countMissingContacts();
  return {
    consume(event) {
      timeline.consume(event);
      if (event.type === 'rows_settled') for (const row of event.rows) missing.add(row);
    },
    facts: (own) => ({
      ...own,
      format: FORMAT,
      timeline: timeline.record(),
      reasons: Object.fromEntries(FAILURE_CLASSES.map((name) => [name, run.tally.topReasons(name, REASONS)])),
      missing: missing.result(),
    }),
  };
}

/** From the ledger; null where an older version, or a newer one, has kept something else or nothing. */
export function savedPageFacts(saved: unknown): PageFacts | null {
  if (typeof saved !== 'object' || saved === null || !('format' in saved) || saved.format !== FORMAT) return null;
  return saved as PageFacts; // written by `gatherPageFacts`
}

/** All that a page is made of. */
export interface PageInput {
  readonly run: RunSummary;
  /** null: the run was made by a version that didn't keep them. */
  readonly facts: PageFacts | null;
  readonly inputs: readonly {
    readonly path: string;
    /** The zip archive that it is a part of; its size and hash are the archive's. */
    readonly archive?: string;
    readonly bytes: number | null;
    readonly sha256: string | null;
  }[];
  /** What `undo` has deleted since, and what it has left of what the run made; null: nothing. */
  readonly undone?: { readonly notes: number; readonly left: number } | null;
  /** Epoch milliseconds: when the page is written. */
  readonly writtenAt: number;
}
