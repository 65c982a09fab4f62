/** The job queue's own schema. */
export const QUEUE_SCHEMA = 'memory_import_queue';
export const TASK = 'memory_import_chunk';

/** A job says that there is something to do in a partition; which chunk that is, the table of chunks decides. */
export interface ChunkJob {
  readonly run: number;
  readonly partition: number;
}
