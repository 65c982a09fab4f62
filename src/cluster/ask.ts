import type { Statement } from '../ledger/postgres-session.js';
import { type ChunkJob, QUEUE_SCHEMA, TASK } from './queue-names.js';

/** Asks the queue for a worker: one job for each partition that has something to do, whoever asks for it, and however often. */
export const ASK: Statement = {
  name: 'ask',
  text: `SELECT 1 FROM ${QUEUE_SCHEMA}.add_job($1, $2::json, queue_name => $3, job_key => $3, max_attempts => 1000, job_key_mode => 'preserve_run_at')`,
};

export function askValues(job: ChunkJob): readonly unknown[] {
  return [TASK, JSON.stringify(job), `memory-import:${job.run}:${job.partition}`];
}
