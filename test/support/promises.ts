import { expect } from 'vitest';
import type { RunSummary } from '../../src/model.js';
import type { Sandbox } from '../../src/sandbox/server.js';
import type { Note } from './notes.js';

/** Every note is there exactly once, nothing else is, and each contact's notes came in file order. */
export function expectConverged(sandbox: Sandbox, notes: readonly Note[]): void {
  expectEachOnce(sandbox, notes);
  expectOrder(sandbox, notes);
  expect(sandbox.stats().duplicates).toBe(0);
}

export function expectEachOnce(sandbox: Sandbox, notes: readonly Note[]): void {
  const expected = countBy(notes.map(identity));
  const found = countBy(sandbox.memories().map(identity));
  const missing = [...expected].filter(([note, count]) => (found.get(note) ?? 0) < count);
  const surplus = [...found].filter(([note, count]) => count > (expected.get(note) ?? 0));
  expect({ missing: missing.slice(0, 5), surplus: surplus.slice(0, 5) }).toEqual({ missing: [], surplus: [] });
}

/** Of each contact, what is there came in file order, whatever the sub organization. */
export function expectOrder(sandbox: Sandbox, notes: readonly Note[]): void {
  const places = new Map(notes.map((note, i) => [identity(note), i]));
  const last = new Map<string, number>();
  const overtaken: string[] = [];
  for (const memory of sandbox.memories()) {
    const place = places.get(identity(memory)) ?? -1;
    if (place < (last.get(memory.contactId) ?? -1))
      overtaken.push(`row ${place + 1} came after row ${(last.get(memory.contactId) ?? -1) + 1}`);
    last.set(memory.contactId, place);
  }
  expect(overtaken).toEqual([]);
}

/** The law of conservation: `rows = created + recovered + already_imported + duplicate + filtered + failures`, always. */
export function expectConservation({ counts }: Pick<RunSummary, 'counts'>): void {
  const { rows, created, recovered, alreadyImported, duplicate, filtered, failed, failures } = counts;
  expect(created + recovered + alreadyImported + duplicate + filtered + failed).toBe(rows);
  expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(failed);
}

function identity(note: {
  readonly contactId: string;
  readonly subOrg?: string | null;
  readonly name: string;
  readonly text: string;
}): string {
  return JSON.stringify([note.contactId, note.subOrg ?? null, note.name, note.text]);
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
