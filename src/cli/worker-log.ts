import type { WorkerEvent } from '../worker.js';
import type { Stderr } from './stderr.js';

/** A worker's story: which runs, which chunks, and what goes wrong. The run's own story is its coordinator's to tell. */
export function logWorker(logger: Stderr['logger']): (event: WorkerEvent) => void {
  return (event) => {
    const { type, ...said } = event;
    switch (event.type) {
      case 'worker_ready':
        logger.info({ event: type }, 'waiting for chunks');
        break;
      case 'run_joined':
      case 'run_left':
        logger.info({ event: type, ...said }, `${event.type === 'run_joined' ? 'takes part in' : 'has left'} run ${event.runId}`);
        break;
      case 'chunk_started':
      case 'chunk_ended': {
        const rows = event.type === 'chunk_started' ? `${event.rows} rows` : `${event.settled} rows settled`;
        logger.debug(
          { event: type, ...said },
          `chunk ${event.partition}/${event.sequence} ${event.type === 'chunk_started' ? 'begun' : 'ended'}, ${rows}`,
        );
        break;
      }
      case 'warning':
        logger.warn({ event: type, code: event.code }, event.message);
        break;
      case 'paused':
        logger.warn({ event: type }, event.why);
        break;
      case 'resumed':
        logger.info({ event: type, afterMs: event.afterMs }, 'goes on');
        break;
      case 'stopping':
        logger.warn({ event: type, reasonCode: event.reasonCode }, event.reason);
        break;
      default: // the run's log has it
    }
  };
}
