import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Draft, Fingerprint, Outcome, RowFailure, SettledRow, SourceInput } from '../../../src/model.js';

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-import-report-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function inputWith(overrides: Partial<SourceInput> = {}): SourceInput {
  return {
    index: 0,
    path: 'notes.csv',
    header: ['contactId', 'name', 'text'],
    delimiter: ',',
    encoding: 'utf-8',
    isFailuresFile: false,
    ...overrides,
  };
}

export function draftWith(overrides: Partial<Draft> = {}): Draft {
  return {
    contactId: 'contact-1',
    subOrg: null,
    name: 'Lease renewal',
    text: 'Wants to renew in spring, asked about the garden.',
    fingerprint: 'ab12'.repeat(16) as Fingerprint,
    sentHash: 'cd34'.repeat(16),
    inputHash: null,
    occurrence: 1,
    ...overrides,
  };
}

export function failureWith(overrides: Partial<RowFailure> = {}): RowFailure {
  return { kind: 'failed', class: 'bad_request', status: 400, message: 'wrong', details: null, attempts: 1, ...overrides };
}

export function created(memoryId = 'mem-1'): Outcome {
  return { kind: 'created', memoryId, createdAt: '2026-11-23T03:07:49.000Z', attempts: 1 };
}

export function settled(row: {
  readonly outcome: Outcome;
  readonly input?: SourceInput;
  readonly row?: number;
  readonly cells?: readonly string[];
  readonly draft?: Draft | null;
}): SettledRow {
  const { outcome, input = inputWith(), draft = draftWith() } = row;
  const cells = row.cells ?? ['contact-1', 'Lease renewal', 'Wants to renew in spring, asked about the garden.'];
  const number = row.row ?? 1;
  return {
    source: { kind: 'record', input, row: number, line: number + 1, cells, bytes: 50, occurrence: null, target: 0 },
    draft,
    outcome,
  };
}

export function malformed(row: { readonly raw: Uint8Array; readonly input?: SourceInput; readonly row?: number }): SettledRow {
  const number = row.row ?? 1;
  const { input = inputWith(), raw } = row;
  const message = 'expected 3 columns, found 2';
  return {
    source: { kind: 'malformed', input, row: number, line: number + 1, message, raw },
    draft: null,
    outcome: failureWith({ class: 'malformed', status: null, message, attempts: 0 }),
  };
}

export const HEADER_BYTES = Buffer.from('contactId,name,text\n');
