import type { ImportEvent } from '../model.js';
import { createEventCounts } from './event-counts.js';

/** The numbers of one run in Prometheus' text format. Of notes and contacts it has none but counts: no text, no id, no key. */
export interface RunMetrics {
  consume(event: ImportEvent): void;
  /** @param at epoch milliseconds: the run's duration is up to then */
  text(moment: RunMoment): Promise<string>;
}

export interface RunMoment {
  readonly startedAt: number;
  readonly at: number;
  readonly running: boolean;
  readonly ended: RunEnds;
}

/** What outlasts a run: how earlier ones ended, until this one has. Times are epoch milliseconds, 0: never. */
export interface RunEnds {
  readonly endedAt: number;
  /** null: none has ended yet. */
  readonly exitCode: number | null;
  /** Exit 0 or 1: the input was read to its end. */
  readonly completedAt: number;
  /** Exit 0. */
  readonly succeededAt: number;
}

/** Names that are read back from the file of the run before. */
export const KEPT = {
  endedAt: 'memory_import_last_end_timestamp_seconds',
  exitCode: 'memory_import_exit_code',
  completedAt: 'memory_import_last_completion_timestamp_seconds',
  succeededAt: 'memory_import_last_success_timestamp_seconds',
} as const;
export const RUNNING = 'memory_import_running';

/** @param importName sets the files of two cron jobs apart: node_exporter merges them, and refuses what has the same name and labels */
export function createRunMetrics({ importName, version }: { readonly importName: string; readonly version: string }): RunMetrics {
  const counts = createEventCounts({ of: 'run', version, labels: { import: importName } });
  const { gauge } = counts;
  const running = gauge(RUNNING, '1 while a run is under way (or was killed: then the last update grows old), else 0.');
  const updated = gauge('memory_import_last_update_timestamp_seconds', 'When this was written: every 15 seconds while a run is under way.');
  const started = gauge('memory_import_last_start_timestamp_seconds', 'When the last run started.');
  const ended = gauge(KEPT.endedAt, 'When a run last ended, however it ended; 0: none has.');
  const completed = gauge(KEPT.completedAt, 'When a run last read its input to the end (exit code 0 or 1); 0: none has.');
  const succeeded = gauge(KEPT.succeededAt, 'When a run last ended with every row in the API (exit code 0); 0: none has.');
  const duration = gauge('memory_import_duration_seconds', 'How long the last run took, or has taken so far.');

  let exitCode: ReturnType<typeof gauge> | null = null;
  /** Made when there is one: a gauge without a value would say 0, and that is success. */
  function setExitCode(code: number | null): void {
    if (code === null) return;
    exitCode ??= gauge(
      KEPT.exitCode,
      'Exit code of the last run that ended: 0 all in the API, 1 some rows failed, 2 could not start; see --help.',
    );
    exitCode.set(code);
  }

  return {
    consume: counts.consume,
    async text(moment) {
      running.set(moment.running ? 1 : 0);
      updated.set(seconds(moment.at));
      started.set(seconds(moment.startedAt));
      duration.set(Math.max(0, seconds(moment.at - moment.startedAt)));
      ended.set(seconds(moment.ended.endedAt));
      completed.set(seconds(moment.ended.completedAt));
      succeeded.set(seconds(moment.ended.succeededAt));
      setExitCode(moment.ended.exitCode);
      return await counts.text();
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
