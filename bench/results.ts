import type { Spread } from './statistics.js';

/** One contender's measurements in one scenario. */
export interface Line {
  readonly contender: string;
  readonly what: string;
  readonly rows: number;
  readonly rounds: number;
  readonly rowsPerSecond: Spread;
  /** CPU of all its processes, microseconds a row. */
  readonly cpuPerRow: Spread;
  readonly peakMb: Spread;
  /** Its rows/s and its CPU a row against the base's, round by round; null: there is no base. */
  readonly ratio: Spread | null;
  readonly cpuRatio: Spread | null;
}

/** A line of the table of targets. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface ScenarioResult {
  readonly title: string;
  /** What it was run with, and what the numbers mean. */
  readonly setting: string;
  /** The contender whose rate the ratios are of. */
  readonly base: string | null;
  readonly lines: readonly Line[];
  readonly targets: readonly Target[];
  /** What else was seen. */
  readonly remarks: readonly string[];
  /** What must never be: memories that are missing or there twice, a contender that failed. */
  readonly problems: readonly string[];
  /** For the chart of rates over time: each second's creates and 429s. */
  readonly seconds?: readonly {
    readonly name: string;
    readonly limit: number;
    readonly created: readonly number[];
    readonly refused: readonly number[];
  }[];
}

/** A scenario's result with what is needed to judge and repeat it. */
export interface RecordedResult extends ScenarioResult {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
}

export type Results = Readonly<Record<string, RecordedResult>>;
