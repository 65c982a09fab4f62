import type { Submitted } from '../dispatch/claim.js';
import type { Draft, SourceInput } from '../model.js';
import type { ChunkRow, ToldRow } from './words.js';

/** What a worker needs of a row. Its other cells stay with the coordinator, which writes the reports. */
export function toChunkRow({ source, draft, base }: Submitted): ChunkRow {
  return { input: source.input.index, row: source.row, target: source.target, bytes: source.bytes, draft, base };
}

/** A row as the stages take it, in a worker: its place in the chunk is its number, from 1. */
export function toSubmitted(row: ChunkRow, place: number, inputs: readonly SourceInput[]): Submitted {
  const { draft, base, bytes, target } = row;
  const input = inputs[row.input];
  if (input === undefined) throw new Error(`a row of input ${row.input}, of ${inputs.length}`);
  return {
    source: { kind: 'record', input, row: row.row, line: 0, cells: [], bytes, occurrence: null, target },
    draft,
    base,
    ordinal: place + 1,
  };
}

/** Inputs by their names: a worker never sees more of them. */
export function toInputs(paths: readonly string[]): readonly SourceInput[] {
  return paths.map((path, index) => ({ index, path, header: [], delimiter: ',', encoding: 'utf-8', isFailuresFile: false }));
}

/** How the draft that a row ended with differs from the one that it began with. */
export function identityOf(before: Draft, after: Draft): ToldRow['identity'] {
  if (after.fingerprint === before.fingerprint && after.parts === before.parts) return undefined;
  const { fingerprint, occurrence, parts } = after;
  return {
    fingerprint,
    occurrence,
    ...(parts === undefined ? {} : { parts: parts.map(({ base, draft }) => ({ base, fingerprint: draft.fingerprint })) }),
  };
}

/** The draft that the row ended with, as the reports need it. */
export function identified(draft: Draft, identity: ToldRow['identity']): Draft {
  if (identity === undefined) return draft;
  const { fingerprint, occurrence, parts } = identity;
  return {
    ...draft,
    fingerprint,
    occurrence,
    ...(parts === undefined
      ? {}
      : { parts: parts.map((part) => ({ base: part.base, draft: { ...draft, fingerprint: part.fingerprint, occurrence } })) }),
  };
}
