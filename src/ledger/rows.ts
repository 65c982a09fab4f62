import type { FailureClass, Fingerprint, NoteKey, RunId } from '../model.js';
import type { CreatedNote, KnownNote, NoteState, OpenNote, RecordedFailure, RunNote } from './ledger.js';

// From SQLite's rows to the port's words. The casts are to what `sqlite.ts` alone has written, checked by STRICT tables.

type Row = Record<string, unknown>;

export function toKnownNote(row: Row): KnownNote {
  const state = row.state as NoteState;
  return {
    key: row.note_key as NoteKey,
    state,
    runId: row.run_id as RunId,
    row: String(row.row),
    memoryId: text(row.memory_id),
    createdAt: text(row.created_at),
    how: row.how as KnownNote['how'],
    inputHash: row.input_hash === null ? null : hex(row.input_hash),
    attempts: Number(row.attempts),
    failure:
      state === 'failed' || state === 'in_doubt'
        ? {
            class: state === 'in_doubt' ? 'in_doubt' : (row.class as FailureClass),
            status: row.status as number | null,
            message: String(row.message ?? ''),
          }
        : null,
  };
}

export function toOpenNote(row: Row): OpenNote {
  return {
    key: row.note_key as NoteKey,
    fingerprint: hex(row.fingerprint) as Fingerprint,
    state: row.state === 'created' ? 'closing' : 'in_doubt',
    contactId: String(row.contact_id),
    subOrg: text(row.sub_org),
    sentHash: hex(row.sent_hash),
    row: String(row.row),
    runId: row.run_id as RunId,
    memoryId: text(row.memory_id),
    claimedAt: Number(row.claimed_at),
    skewMs: row.claim_skew === null ? null : Number(row.claim_skew),
    since: Number(row.since ?? row.settled_at ?? row.claimed_at),
  };
}

export function toRunNote(row: Row): RunNote {
  return {
    key: row.note_key as NoteKey,
    fingerprint: hex(row.fingerprint) as Fingerprint,
    contactId: String(row.contact_id),
    subOrg: text(row.sub_org),
    row: String(row.row),
    state: row.state as NoteState,
    memoryId: text(row.memory_id),
    createdAt: text(row.created_at),
    how: row.how as RunNote['how'],
    attempts: Number(row.attempts),
  };
}

export function toCreatedNote(row: Row): CreatedNote {
  return {
    key: row.note_key as NoteKey,
    contactId: String(row.contact_id),
    subOrg: text(row.sub_org),
    row: String(row.row),
    sentHash: hex(row.sent_hash),
    memoryId: text(row.memory_id),
    createdAt: text(row.created_at),
    how: row.how as CreatedNote['how'],
    claimedAt: Number(row.claimed_at),
    skewMs: row.claim_skew === null ? null : Number(row.claim_skew),
  };
}

export function toRecordedFailure(row: Row): RecordedFailure {
  return {
    number: Number(row.failure_number),
    input: Number(row.input),
    row: Number(row.row),
    // Opened to read, a ledger of an earlier version has no such column.
    target: Number(row.target ?? 0),
    class: row.class as FailureClass,
    status: row.status as number | null,
    message: String(row.message),
    attempts: Number(row.attempts),
  };
}

function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

function hex(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('hex');
}
