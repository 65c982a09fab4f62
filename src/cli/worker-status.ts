import { VERSION } from '../version.js';
import type { WorkerEvent } from '../worker.js';
import type { Call } from './io.js';
import { parseStatusAddress, serveStatus } from './status-server.js';

/** What a worker says of itself, for `--metrics-port`; without that option it goes nowhere. */
export interface WorkerStatus {
  /** Where it is served; null: nowhere. */
  readonly url: string | null;
  readonly consume: (event: WorkerEvent) => void;
  /** The ledger is open, and the worker takes chunks. */
  opened(ledger: Heartbeat): void;
  /** It takes no further chunk: what is under way is finished. */
  stopping(): void;
}

/** Of the ledger that is shared: see its `SharedLedger`. */
export interface Heartbeat {
  isAlive(): boolean;
  onLost(listener: (why: string) => void): void;
}

/** Serves a worker's status for as long as the command runs. @throws UserError where it can't: the command isn't run then */
export async function withWorkerStatus(
  { values }: Pick<Call, 'values'>,
  command: (status: WorkerStatus) => Promise<number>,
): Promise<number> {
  const given = values.metricsPort;
  if (given === undefined) return command({ url: null, consume: () => {}, opened: () => {}, stopping: () => {} });
  const address = parseStatusAddress(String(given));
  // Loaded here: a worker without the option needs none of it.
  const { createEventCounts } = await import('../report/event-counts.js');
  const counts = createEventCounts({ of: 'process', version: VERSION });
  const ready = counts.gauge('memory_import_worker_ready', '1 while this worker takes chunks, else 0; as /readyz.');
  const runs = counts.gauge('memory_import_worker_runs', 'Runs that this worker takes part in just now.');
  const chunks = counts.count('memory_import_worker_chunks', 'Chunks % that have ended, finished or handed back.');

  const consume = (event: WorkerEvent): void => {
    switch (event.type) {
      case 'run_joined':
        runs.inc();
        return;
      case 'run_left':
        runs.dec();
        return;
      case 'chunk_ended':
        chunks.inc({}, 1);
        return;
      case 'worker_ready':
      case 'chunk_started':
        return;
      default:
        counts.consume(event);
    }
  };

  let heartbeat: Heartbeat | null = null;
  let isStopping = false;
  let illness: string | null = null;
  const unready = (): string | null => {
    if (isStopping) return 'stopping: what is under way is finished, and no further chunk taken';
    if (heartbeat === null) return "starting: the ledger isn't open yet";
    return heartbeat.isAlive() ? null : "waiting: Postgres hasn't acknowledged a heartbeat for 10 s";
  };
  const server = await serveStatus(address, {
    illness: () => illness,
    unready,
    metricsType: counts.contentType,
    metrics() {
      ready.set((illness ?? unready()) === null ? 1 : 0);
      return counts.text();
    },
  });
  const host = address.host ?? 'localhost';
  try {
    return await command({
      url: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
      consume,
      opened(ledger) {
        heartbeat = ledger;
        // For good: until then Postgres may come back, and a restart of the worker would help nobody.
        ledger.onLost((why) => {
          illness = `lost: ${why}`;
        });
      },
      stopping() {
        isStopping = true;
      },
    });
  } finally {
    await server.close();
  }
}
