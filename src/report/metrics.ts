import { Gauge, Histogram, Registry } from 'prom-client';
import { FAILURE_CLASSES, type ImportEvent, type Outcome, type SettledRow } from '../model.js';

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

const OUTCOMES: readonly Outcome['kind'][] = ['created', 'recovered', 'already_imported', 'duplicate', 'filtered', 'failed'];

/** In seconds: from an answer next door to the time-out of a request, 30 s if nothing else was asked for. */
const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60];

/**
 * Everything counted is a gauge, not a counter: the file is a snapshot of the last run, which begins at 0 again. Two nights of 60 rows would be
 * the same value twice, which `rate()` and `increase()` of a counter take for nothing.
 *
 * @param importName sets the files of two cron jobs apart: node_exporter merges them, and refuses what has the same name and labels
 */
export function createRunMetrics({ importName, version }: { readonly importName: string; readonly version: string }): RunMetrics {
  // Its own: a program that uses the library may have other metrics in the package's global one.
  const registry = new Registry();
  registry.setDefaultLabels({ import: importName });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const gaugeBy = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });

  gaugeBy('memory_import_build_info', 'Always 1; the version of memory-import that wrote this.', 'version').set({ version }, 1);
  const running = gauge(RUNNING, '1 while a run is under way (or was killed: then the last update grows old), else 0.');
  const updated = gauge('memory_import_last_update_timestamp_seconds', 'When this was written: every 15 seconds while a run is under way.');
  const started = gauge('memory_import_last_start_timestamp_seconds', 'When the last run started.');
  const ended = gauge(KEPT.endedAt, 'When a run last ended, however it ended; 0: none has.');
  const completed = gauge(KEPT.completedAt, 'When a run last read its input to the end (exit code 0 or 1); 0: none has.');
  const succeeded = gauge(KEPT.succeededAt, 'When a run last ended with every row in the API (exit code 0); 0: none has.');
  const duration = gauge('memory_import_duration_seconds', 'How long the last run took, or has taken so far.');
  const rows = gaugeBy('memory_import_rows', 'Rows of the last run by what became of them.', 'outcome');
  const failedRows = gaugeBy('memory_import_failed_rows', 'Failed rows of the last run by failure class.', 'class');
  const requests = gaugeBy('memory_import_requests', 'Requests of the last run by HTTP status (none: no answer).', 'verb', 'status');
  const retries = gauge('memory_import_retries', 'Times that the last run tried a row again after it had failed.');
  const rateLimited = gauge('memory_import_rate_limited', 'Answers of the last run that asked for patience (429, 503 with Retry-After).');
  const looks = gauge('memory_import_looks', "Looks of the last run at a contact's memories for a note whose answer was lost.");
  const surplus = gauge('memory_import_surplus_memories', 'Copies that the last run found beside the memories that count.');
  /** Identical notes of a contact each find the same copies. */
  const surplusIds = new Set<string>();
  const stopped = gaugeBy('memory_import_stopped', '1 for the reason why the last run stopped before its input ended.', 'reason');
  const latency = new Histogram({
    name: 'memory_import_request_duration_seconds',
    help: 'How long the requests of the last run took.',
    labelNames: ['verb'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  // What can be is there from the beginning, so that an alert doesn't wait for a series that never comes.
  for (const outcome of OUTCOMES) rows.set({ outcome }, 0);
  for (const name of FAILURE_CLASSES) failedRows.set({ class: name }, 0);

  function takeRow({ outcome }: SettledRow): void {
    rows.inc({ outcome: outcome.kind });
    if (outcome.kind === 'failed') failedRows.inc({ class: outcome.class });
  }

  let exitCode: Gauge | null = null;
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
    consume(event) {
      switch (event.type) {
        case 'rows_settled':
          event.rows.forEach(takeRow);
          return;
        case 'request':
          requests.inc({ verb: event.verb, status: event.status ?? 'none' });
          latency.observe({ verb: event.verb }, event.durationMs / 1000);
          return;
        case 'retry':
          retries.inc();
          return;
        case 'rate_limited':
          rateLimited.inc();
          return;
        case 'looked':
          looks.inc();
          return;
        case 'stopping':
          stopped.set({ reason: event.reasonCode }, 1);
          return;
        case 'surplus':
          for (const id of event.memoryIds) surplusIds.add(id);
          surplus.set(surplusIds.size);
          return;
        default: // other events have nothing to count
      }
    },
    async text(moment) {
      running.set(moment.running ? 1 : 0);
      updated.set(seconds(moment.at));
      started.set(seconds(moment.startedAt));
      duration.set(Math.max(0, seconds(moment.at - moment.startedAt)));
      ended.set(seconds(moment.ended.endedAt));
      completed.set(seconds(moment.ended.completedAt));
      succeeded.set(seconds(moment.ended.succeededAt));
      setExitCode(moment.ended.exitCode);
      return await registry.metrics();
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
