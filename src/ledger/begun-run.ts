import type { RunId } from '../model.js';
import type { RunRecord } from './ledger.js';

/** A run as its ledger knows it first. @param now epoch ms */
export function begunRun(runId: RunId, now: number): RunRecord {
  return {
    runId,
    startedAt: new Date(now).toISOString(),
    finishedAt: null,
    status: 'running',
    inputs: [],
    out: '',
    options: {},
    summary: null,
  };
}
