import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { FAILURE_CLASSES, type ImportEvent, type Outcome, type SettledRow } from '../model.js';

/** What events come to, in Prometheus' text format, with room for further numbers. Of notes and contacts it has none but counts: no text, no id, no key. */
export interface EventCounts {
  consume(event: ImportEvent): void;
  gauge(name: string, help: string): Gauge;
  /** @param help % in it is whose count it is */
  count(name: string, help: string): Count<never>;
  gaugeBy<L extends string>(name: string, help: string, label: L): Gauge<L>;
  text(): Promise<string>;
  readonly contentType: string;
}

const OUTCOMES: readonly Outcome['kind'][] = ['created', 'recovered', 'already_imported', 'duplicate', 'filtered', 'failed'];

/** In seconds: from an answer next door to the time-out of a request, 30 s if nothing else was asked for. */
const LATENCY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60];

/**
 * @param of Of a run everything counted is a gauge, not a counter: its file is a snapshot of the last run, which begins at 0 again. Two nights
 * of 60 rows would be the same value twice, which `rate()` and `increase()` of a counter take for nothing. A process counts from its start to its
 * end, and is asked again and again: its counts are counters, and what Node tells of the process stands beside them.
 */
export function createEventCounts({
  of,
  version,
  labels = {},
}: {
  readonly of: 'run' | 'process';
  readonly version: string;
  readonly labels?: Readonly<Record<string, string>>;
}): EventCounts {
  // Its own: a program that uses the library may have other metrics in the package's global one.
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (of === 'process') collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const gaugeBy = <L extends string>(name: string, help: string, label: L) =>
    new Gauge({ name, help, labelNames: [label], registers: [registry] });
  const whose = of === 'run' ? 'of the last run' : 'of this process';
  const count = <L extends string>(name: string, help: string, ...labelNames: L[]): Count<L> => {
    const settings = { name, help: help.replace('%', whose), labelNames, registers: [registry] };
    return of === 'run' ? new Gauge(settings) : new Counter(settings);
  };

  gaugeBy('memory_import_build_info', 'Always 1; the version of memory-import that wrote this.', 'version').set({ version }, 1);
  const rows = count('memory_import_rows', 'Rows % by what became of them.', 'outcome');
  const failedRows = count('memory_import_failed_rows', 'Failed rows % by failure class.', 'class');
  const requests = count('memory_import_requests', 'Requests % by HTTP status (none: no answer).', 'verb', 'status');
  const retries = count('memory_import_retries', 'Retries %: times that a row was tried again after it had failed.');
  const rateLimited = count('memory_import_rate_limited', 'Answers to requests % that asked for patience (429, 503 with Retry-After).');
  const looks = count('memory_import_looks', "Looks % at a contact's memories for a note whose answer was lost.");
  const surplus = count('memory_import_surplus_memories', 'Copies found by looks %, beside the memories that count.');
  /** Identical notes of a contact each find the same copies. */
  const surplusIds = new Set<string>();
  const stopped = of === 'run' ? gaugeBy('memory_import_stopped', STOPPED, 'reason') : null;
  const latency = new Histogram({
    name: 'memory_import_request_duration_seconds',
    help: `How long the requests ${whose} took.`,
    labelNames: ['verb'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  // What can be is there from the beginning, so that an alert doesn't wait for a series that never comes.
  for (const outcome of OUTCOMES) rows.inc({ outcome }, 0);
  for (const name of FAILURE_CLASSES) failedRows.inc({ class: name }, 0);

  function takeRow({ outcome }: SettledRow): void {
    rows.inc({ outcome: outcome.kind }, 1);
    if (outcome.kind === 'failed') failedRows.inc({ class: outcome.class }, 1);
  }

  return {
    gauge,
    gaugeBy,
    count,
    text: () => registry.metrics(),
    contentType: registry.contentType,
    consume(event) {
      switch (event.type) {
        case 'rows_settled':
          event.rows.forEach(takeRow);
          return;
        case 'request':
          requests.inc({ verb: event.verb, status: event.status ?? 'none' }, 1);
          latency.observe({ verb: event.verb }, event.durationMs / 1000);
          return;
        case 'retry':
          retries.inc({}, 1);
          return;
        case 'rate_limited':
          rateLimited.inc({}, 1);
          return;
        case 'looked':
          looks.inc({}, 1);
          return;
        case 'stopping':
          stopped?.set({ reason: event.reasonCode }, 1);
          return;
        case 'surplus':
          for (const id of event.memoryIds) {
            if (surplusIds.has(id)) continue;
            surplusIds.add(id);
            surplus.inc({}, 1);
          }
          return;
        default: // other events have nothing to count
      }
    },
  };
}

const STOPPED = '1 for the reason why the last run stopped before its input ended.';

export interface Count<L extends string> {
  inc(labels: Partial<Record<L, string | number>>, by: number): void;
}
